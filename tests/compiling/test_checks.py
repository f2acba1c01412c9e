"""What looks wrong in programs: lines of our own, shortened, with one fault each."""

import pytest

from alexnet_jax.compiling.checks import SERIOUS, Finding, check
from alexnet_jax.compiling.costs import Cost, costs
from alexnet_jax.compiling.schedule import place, schedule
from alexnet_jax.compiling.targets import CHIPS, Chip
from alexnet_jax.planning.hlo_text import Module, parse_module

LAYERS = ["conv1", "lrn1", "pool1", "fc6"]
V5E, H100 = CHIPS["v5e"], CHIPS["h100"]
BACKWARD = "jit(train_step)/transpose(jvp(pool1))"

# The random crop as a TPU's compiler had it once: each image copies all of them.
CROP = """
%body (p: (s32[], u8[128,256,256,3], u8[128,227,227,3])) -> (s32[], u8[128,256,256,3]) {
  %p = (s32[]{:T(128)}, u8[128,256,256,3]{2,1,3,0:T(32,128)(4,1)}, u8[128,227,227,3]) parameter(0)
  %i = s32[]{:T(128)} get-tuple-element(%p), index=0
  %all = u8[128,256,256,3]{2,1,3,0:T(32,128)(4,1)} get-tuple-element(%p), index=1
  %copy.156 = u8[128,256,256,3]{2,1,3,0:T(8,128)(4,1)S(1)} copy(%all), "estimated_cycles":"300728"
  ROOT %t = (s32[], u8[128,256,256,3]) tuple(%i, %all)
}

%condition (q: (s32[], u8[128,256,256,3])) -> pred[] {
  %constant.3 = s32[]{:T(128)} constant(128)
  %q = (s32[], u8[128,256,256,3]) parameter(0)
  %j = s32[] get-tuple-element(%q), index=0
  ROOT %less = pred[]{:T(512)} compare(%j, %constant.3), direction=LT
}

ENTRY %main (images: u8[128,256,256,3]) -> u8[128,256,256,3] {
  %images = u8[128,256,256,3]{2,1,3,0:T(32,128)(4,1)} parameter(0)
  %start = (s32[], u8[128,256,256,3]{2,1,3,0}) tuple(%images)
  %while.1 = (s32[], u8[128,256,256,3]{2,1,3,0}) while(%start), condition=%condition, body=%body, \
metadata={op_name="jit(train_step)/jvp(vmap())/gather"}
  ROOT %out = u8[128,256,256,3]{2,1,3,0} get-tuple-element(%while.1), index=1
}
"""


def entry(*lines: str) -> Module:
    body = "\n".join(f"  {line}" for line in lines)
    return parse_module(f"ENTRY %main (x: f32[4]) -> f32[4] {{\n{body}\n}}\n")


def found(module: Module, images: int = 128, dtype: str = "float32") -> list[Finding]:
    return check(module, schedule(module, LAYERS, True), (images,), dtype)


def kinds(*lines: str, dtype: str = "float32") -> set[str]:
    return {one.kind for one in found(entry(*lines), dtype=dtype)}


def priced(module: Module, chip: Chip) -> list[Cost]:
    return costs(module, schedule(module, LAYERS, True), chip)


def test_a_loop_over_the_batch_and_its_copies() -> None:
    copy, loop = found(parse_module(CROP))
    assert (copy.kind, copy.layer, copy.count) == ("copy of the batch", "views", 1)
    assert copy.bytes == 128 * 128 * 256 * 256 * 3
    assert "128 runs" in copy.detail
    assert (loop.kind, loop.layer) == ("loop over the batch", "views")
    assert {copy.kind, loop.kind} <= set(SERIOUS)


def test_a_loop_costs_its_trips() -> None:
    (cost,) = [one for one in priced(parse_module(CROP), V5E) if one.cycles]
    assert cost.cycles == 128 * 300728
    assert cost.kernel.layer == "views"
    assert cost.seconds == pytest.approx(cost.cycles / V5E.clock)
    assert V5E.clock == pytest.approx(1.5e9, rel=0.01)


def test_another_loop_is_no_loop_over_the_batch() -> None:
    kinds = {one.kind for one in found(parse_module(CROP), images=64)}
    assert "loop" in kinds
    assert "loop over the batch" not in kinds


def test_a_loop_without_a_known_end_is_serious() -> None:
    module = parse_module(CROP.replace("constant(128)", "parameter(1)"))
    assert "loop over the batch" in {one.kind for one in found(module)}


@pytest.mark.parametrize(
    ("result", "source", "expected"),
    [
        ("f32[128,55,55,96]{3,2,1,0}", "f32[128,55,55,96]{3,2,1,0}", {"copy of the batch"}),
        ("f32[128,55,55,96]{0,3,2,1}", "f32[128,55,55,96]{3,2,1,0}", {"layout copy"}),
        # A weight, a small one, and one that is fetched into the memory of the chip.
        ("f32[96,55,55,3]{0,3,2,1}", "f32[96,55,55,3]{3,2,1,0}", set()),
        ("f32[128,10]{0,1}", "f32[128,10]{1,0}", set()),
        ("f32[128,55,55,96]{3,2,1,0:S(1)}", "f32[128,55,55,96]{3,2,1,0}", set()),
    ],
)
def test_copies(result: str, source: str, expected: set[str]) -> None:
    lines = (f"%x = {source} parameter(0)", f"ROOT %copy.1 = {result} copy(%x)")
    assert kinds(*lines) == expected


def test_pads_alone_and_at_the_end_of_a_fusion() -> None:
    alone = f'%p = f32[128,55,55,96] pad(%x, %c), metadata={{op_name="{BACKWARD}/pad"}}'
    (finding,) = found(entry(alone))
    assert (finding.kind, finding.layer) == ("pad written to memory", "pool1")
    assert finding.bytes == 128 * 55 * 55 * 96 * 4
    fused = parse_module(
        "%f (a: f32[4]) -> f32[4] {\n  %a = f32[128,9,9,96] parameter(0)\n"
        "  ROOT %b = f32[128,55,55,96] pad(%a, %c)\n}\n\nENTRY %m (x: f32[4]) -> f32[4] {\n"
        "  ROOT %y = f32[128,55,55,96] fusion(%x), kind=kLoop, calls=%f\n}\n"
    )
    assert [one.kind for one in found(fused)] == ["pad written to memory"]
    assert kinds("%p = f32[16,4] pad(%x, %c)") == set()


def test_float32_under_bfloat16() -> None:
    """Of what every image has; sums for weights may be float32."""
    line = "%y = {} fusion(%x), kind=kLoop, calls=%none"
    expected = {"float32 under bfloat16"}
    assert kinds(line.format("f32[128,55,55,96]"), dtype="bfloat16") == expected
    assert kinds(line.format("(bf16[4], f32[128,55,55,96])"), dtype="bfloat16") == expected
    assert kinds(line.format("f32[9216,4096]"), dtype="bfloat16") == set()
    assert kinds(line.format("bf16[128,55,55,96]"), dtype="bfloat16") == set()
    assert kinds(line.format("f32[128,55,55,96]")) == set()


def test_products_of_rounded_operands() -> None:
    lines = ("%a = bf16[128,64] parameter(0)", "%b = f32[64,10] parameter(1)")
    assert kinds(*lines, "ROOT %c = f32[128,10] dot(%a, %b)") == {"bfloat16 product under float32"}
    assert kinds(*lines, "ROOT %c = f32[64,10] dot(%b, %b)") == set()
    assert kinds(*lines, "ROOT %c = f32[128,10] dot(%a, %b)", dtype="bfloat16") == set()


@pytest.mark.parametrize(
    "call",
    [
        'custom-call(%x), custom_call_target="xla_ffi_python_cpu_callback"',
        'custom-call(%x), custom_call_target="MoveToHost"',
        "outfeed(%x, %token)",
        "send(%x, %token), is_host_transfer=true",
    ],
)
def test_calls_of_the_host(call: str) -> None:
    (finding,) = found(entry(f"%y = f32[4] {call}"))
    assert finding.kind == "host callback"
    assert finding.kind in SERIOUS


def test_a_gpu_that_sends_to_another_calls_no_host() -> None:
    assert kinds("%y = (f32[4], u32[], token[]) send(%x, %token), channel_id=1") == set()


def test_a_kernel_of_ours_costs_twice_its_bytes_or_operations() -> None:
    kernel = '%y = bf16[1600,96] custom-call(%x), custom_call_target="tpu_custom_call"'
    x = "%x = bf16[1600,96] parameter(0)"
    (cost,) = priced(entry(x, kernel), V5E)
    moved = 2 * 1600 * 96 * 2
    assert cost.bytes == moved
    assert cost.seconds == pytest.approx(2 * moved / 819e9)
    estimate = ', backend_config={"custom_call_config":{"cost_estimate":{"flops":"197000000000"}}}'
    (cost,) = priced(entry(x, kernel + estimate), V5E)
    assert cost.seconds == pytest.approx(2e-3)
    joined = '%y = bf16[8] custom-call(%x), custom_call_target="ConcatBitcast"'
    assert priced(entry(x, joined), V5E) == []


def test_what_a_tpu_moves_without_an_estimate_costs_its_bytes_once() -> None:
    lines = ("%x = f32[128,27,27,96] parameter(0)", "%p = f32[128,55,55,96] pad(%x, %c)")
    (cost,) = priced(entry(*lines), V5E)
    moved = 4 * 128 * 96 * (27 * 27 + 55 * 55)
    assert cost.seconds == pytest.approx(moved / 819e9)
    on_chip = [line.replace("96] ", "96]{3,2,1,0:S(1)} ") for line in lines]
    assert priced(entry(*on_chip), V5E)[0].seconds == 0


LABELS = "window={size=5x5}, dim_labels=b01f_o01i->b01f, custom_call_target="


@pytest.mark.parametrize(
    ("operands", "result", "target"),
    [
        (("bf16[64,27,27,48]", "bf16[128,5,5,48]"), "bf16[64,27,27,128]", "Forward"),
        (("bf16[64,27,27,128]", "bf16[128,5,5,48]"), "bf16[64,27,27,48]", "BackwardInput"),
        (("bf16[64,27,27,48]", "bf16[64,27,27,128]"), "bf16[128,5,5,48]", "BackwardFilter"),
    ],
)
def test_operations_of_convolutions(operands: tuple[str, str], result: str, target: str) -> None:
    """Forward and for both gradients: images x outputs x kernel, two for each multiply-add."""
    lines = [f"%x{i} = {operand} parameter({i})" for i, operand in enumerate(operands)]
    call = f'%y = ({result}, u8[0]) custom-call(%x0, %x1), {LABELS}"__cudnn$conv{target}"'
    (cost,) = priced(entry(*lines, call), H100)
    assert cost.operations == 2 * 64 * 27 * 27 * 128 * 5 * 5 * 48
    assert cost.seconds == pytest.approx(2 * max(cost.operations / 989e12, cost.bytes / 3352e9))


def test_operations_of_products() -> None:
    lines = ("%a = f32[128,9216] parameter(0)", "%b = f32[9216,4096] parameter(1)")
    dot = "%c = f32[128,4096] dot(%a, %b), lhs_contracting_dims={1}, rhs_contracting_dims={0}"
    call = '%c = (f32[128,4096], s8[9]) custom-call(%a, %b), custom_call_target="__cublas$gemm"'
    for line in (dot, call):
        (cost,) = priced(entry(*lines, line), H100)
        assert cost.operations == pytest.approx(2 * 128 * 9216 * 4096)


@pytest.mark.parametrize(
    ("op_name", "expected"),
    [
        ("jit(train_step)/jvp()/cond/branch_0_fun/lrn1/mul", ("lrn1", "forward")),
        ("jit(train_step)/transpose(jvp(transpose(jvp(conv1))))/reduce_sum", ("conv1", "backward")),
        ("jit(train_step)/jvp(lrn1+pool1)/dot_general", ("lrn1+pool1", "forward")),
        ("jit(train_step)/jvp(vmap())/gather", ("views", "forward")),
        ("jit(train_step)/jvp(jit(log_softmax))/sub", ("rest", "forward")),
        ("jit(train_step)/transpose(jvp())/reduce_sum", ("rest", "backward")),
        ("jit(train_step)/add", ("update", "update")),
        ("", ("update", "update")),
    ],
)
def test_places(op_name: str, expected: tuple[str, str]) -> None:
    assert place(op_name, LAYERS, True) == expected


def test_inference_has_views_and_layers_alone() -> None:
    assert place("jit(logits_of)/fc6/dot_general", LAYERS, False) == ("fc6", "forward")
    assert place("jit(logits_of)/sub", LAYERS, False) == ("views", "forward")


def test_a_fusion_around_a_product_belongs_to_the_layer_of_the_product() -> None:
    """Here it ends in a transposition for the kernel that follows, which takes no time."""
    module = parse_module("""
%fused (p: bf16[4,4]) -> bf16[4,4] {
  %p = bf16[4,4] parameter(0)
  %product = bf16[4,4] convolution(%p, %p), \
metadata={op_name="jit(f)/jvp(conv1)/conv_general_dilated"}
  ROOT %turned = bf16[4,4] transpose(%product), \
metadata={op_name="jit(f)/transpose(jvp(lrn1+pool1))/transpose"}
}

ENTRY %main (x: bf16[4,4]) -> bf16[4,4] {
  %x = bf16[4,4] parameter(0)
  ROOT %out = bf16[4,4] fusion(%x), kind=kOutput, calls=%fused, \
metadata={op_name="jit(f)/transpose(jvp(lrn1+pool1))/transpose"}
}
""")  # fmt: skip
    last = schedule(module, LAYERS, True)[-1]
    assert (last.layer, last.part, last.what) == ("conv1", "forward", "conv_general_dilated")
