"""Collectives read from lines of HLO text, in the forms that compilers write."""

import pytest

from alexnet_jax.planning.hlo import Collective, collectives

ALL_8 = "replica_groups={}"
NAME = 'metadata={op_name="jit(f)/jvp(conv3)/x"}'


def only(line: str, devices: int = 8) -> Collective:
    (found,) = collectives(f"  %x.1 = {line}, {NAME}", devices)
    assert found.op_name == "jit(f)/jvp(conv3)/x"
    return found


def told(line: str) -> tuple[str, str, float, int, int, int]:
    found = only(line)
    shape = (found.groups, found.members, found.senders)
    return (found.kind, found.dtype, found.values, *shape)


PAIRS = "source_target_pairs={{0,1},{2,3}}"
FORMS = {
    "all-gather": (
        "f32[8,6,4]{2,1,0} all-gather(%a), channel_id=1, replica_groups={{0,1},{2,3}}",
        ("all-gather", "f32", 96, 2, 2, 2),
    ),
    "operands with types": (
        "f32[8,6,4]{2,1,0} all-gather(f32[8,6,2]{2,1,0} %a), replica_groups={{0,1}}",
        ("all-gather", "f32", 96, 1, 2, 2),
    ),
    "tiled layout": (
        "bf16[8,128]{1,0:T(8,128)(2,1)} all-gather(%a), replica_groups={{0,1,2,3}}, dimensions={1}",
        ("all-gather", "bf16", 768, 1, 4, 4),
    ),
    "all-gather-start": (
        "(f32[8,2]{1,0}, f32[8,16]{1,0}) all-gather-start(%a), replica_groups=[1,8]<=[8]",
        ("all-gather", "f32", 112, 1, 8, 8),
    ),
    "reduce-scatter": (
        "f32[8,2]{1,0} reduce-scatter(%a), replica_groups=[2,4]<=[4,2]T(1,0), to_apply=%r",
        ("reduce-scatter", "f32", 48, 2, 4, 4),
    ),
    "all-reduce": (
        f"f32[8,2]{{1,0}} all-reduce(%a), {ALL_8}, to_apply=%r",
        ("all-reduce", "f32", 28, 1, 8, 8),
    ),
    "all-reduce-start": (
        f"f32[8,2]{{1,0}} all-reduce-start(%a), {ALL_8}, to_apply=%r",
        ("all-reduce", "f32", 28, 1, 8, 8),
    ),
    "named axes": (
        "f32[8,2]{1,0} all-reduce(%a), replica_groups=mesh['data'=4,'tower'=2] {'data'}",
        ("all-reduce", "f32", 24, 2, 4, 4),
    ),
    "all-to-all": (
        "u8[8,2]{1,0} all-to-all(%a), replica_groups={{0,1},{2,3},{4,5},{6,7}}, dimensions={0}",
        ("all-to-all", "u8", 8, 4, 2, 2),
    ),
    "collective-permute": (
        f"f32[8,5,5,2]{{3,2,1,0}} collective-permute(%a), {PAIRS}",
        ("collective-permute", "f32", 400, 2, 2, 1),
    ),
    "collective-permute-start": (
        f"(f32[8,2]{{1,0}}, f32[8,2]{{1,0}}, u32[], u32[]) collective-permute-start(%a), {PAIRS}",
        ("collective-permute", "f32", 16, 2, 2, 1),
    ),
    "a ring": (
        "f32[3]{0} collective-permute(%a), source_target_pairs={{0,1},{1,2},{2,3},{3,0}}",
        ("collective-permute", "f32", 3, 1, 4, 4),
    ),
}


@pytest.mark.parametrize(("line", "expected"), FORMS.values(), ids=FORMS)
def test_forms(line: str, expected: tuple[object, ...]) -> None:
    assert told(line) == expected


def test_bytes() -> None:
    for dtype, size in (("f32", 4), ("bf16", 2), ("u8", 1), ("pred", 1), ("s4", 0.5), ("f64", 8)):
        line = f"{dtype}[8,2]{{1,0}} all-gather(%a), replica_groups={{{{0,1}},{{2,3}}}}"
        assert only(line).bytes == 2 * 2 * 8 * size


def test_arrays_sent_together() -> None:
    """Each by itself, with what it is computed from."""
    text = """
  %inner = f32[3]{0} parameter(0), metadata={op_name="jit(f)/other"}
  %a = f32[4]{0} fusion(%inner), kind=kLoop, calls=%far, metadata={op_name="jit(f)/conv1/mul"}
  %far = f32[4]{0} parameter(0), metadata={op_name="jit(f)/called"}
  %copy.7 = f32[6,2]{1,0} copy(%dot.1)
  %dot.1 = f32[6,2]{1,0} dot(%a, %a), metadata={op_name="jit(f)/fc6/dot"}
  ROOT %s = (f32[4]{0}, /*index=1*/f32[6,2]{1,0}, f32[]) all-reduce(%a, /*index=1*/%copy.7, %l), \
replica_groups={{0,1}}, to_apply=%sum, metadata={op_name="jit(f)/psum"}
"""
    vector, matrix, scalar = collectives(text, 2)
    assert [found.values for found in (vector, matrix, scalar)] == [4, 12, 1]
    assert [found.shape for found in (vector, matrix, scalar)] == [(4,), (6, 2), ()]
    assert vector.upstream == ("jit(f)/conv1/mul", "jit(f)/other")
    assert matrix.upstream[:2] == ("jit(f)/fc6/dot", "jit(f)/conv1/mul")
    assert scalar.upstream == ()


def test_arrays_sent_together_asynchronously() -> None:
    """Operands first, results after: what is gathered counts once."""
    text = (
        "  %g = ((f32[4]{0}, bf16[6]{0}), (f32[8]{0}, bf16[12]{0})) all-gather-start(%a, %b), "
        "replica_groups={{0,1}}, dimensions={0}\n"
        "  %d = (f32[8]{0}, bf16[12]{0}) all-gather-done(%g)\n"
        "  %e = f32[8]{0} get-tuple-element(%d), index=0"
    )
    assert [(found.dtype, found.values) for found in collectives(text, 2)] == [
        ("f32", 4),
        ("bf16", 6),
    ]


def test_what_is_no_exchange() -> None:
    """Ends of transfers, mentions of the words, groups of one device, pairs of one."""
    for line in (
        "f32[8]{0} all-gather-done(%all-gather-start.1)",
        "f32[8]{0} fusion(%all-reduce.1), kind=kLoop, calls=%all-gather",
        "f32[8]{0} all-reduce(%a), replica_groups={{0},{1}}, to_apply=%r",
        "f32[8]{0} collective-permute(%a), source_target_pairs={{0,0},{1,1}}",
        "f32[8]{0} collective-permute(%a), source_target_pairs={}",
    ):
        assert collectives(f"  %x = {line}", 2) == []


def test_groups_that_cannot_be_read() -> None:
    for groups in ("replica_groups=mesh['data'=4] {'data':(1)2}", "replica_groups=@mesh", "x=1"):
        with pytest.raises(ValueError, match="cannot be read"):
            collectives(f"  %x = f32[8]{{0}} all-reduce(%a), {groups}", 4)


JOINED = """
%join (p0: f32[4], p1: f32[6], p2: f32[1]) -> f32[11] {
  %p0 = f32[4]{0} parameter(0)
  %p1 = f32[6]{0} parameter(1)
  %p2 = f32[1]{0} parameter(2)
  ROOT %c = f32[11]{0} concatenate(%p0, %p1, %p2), dimensions={0}
}

ENTRY %main (x: f32[4]) -> f32[11] {
  %b = f32[4]{0} fusion(%x), metadata={op_name="jit(f)/transpose(jvp(conv1))/reduce_sum"}
  %k = f32[2,3]{1,0} fusion(%x), metadata={op_name="jit(f)/transpose(jvp(fc6))/dot"}
  %l = f32[] fusion(%x), metadata={op_name="jit(f)/jvp()/reduce_sum"}
  %bitcast.1 = f32[6]{0} bitcast(%k)
  %bitcast.2 = f32[1]{0} bitcast(%l)
  %joined = f32[11]{0} fusion(%b, %bitcast.1, %bitcast.2), kind=kLoop, calls=%join
  %start = ((f32[11]{0}), f32[11]{0}) all-reduce-start(%joined), replica_groups={{0,1}}, \
to_apply=%sum, metadata={op_name="jit(f)/(psum:psum:psum)"}
  ROOT %done = f32[11]{0} all-reduce-done(%start)
}
"""


def test_gradients_that_cuda_joins() -> None:
    """One vector of all of them crosses once: its type names operands and results."""
    found = collectives(JOINED, 2)
    assert [one.values for one in found] == [4, 6, 1]
    assert [one.shape for one in found] == [(4,), (2, 3), ()]
    assert [one.upstream[0] for one in found] == [
        "jit(f)/transpose(jvp(conv1))/reduce_sum",
        "jit(f)/transpose(jvp(fc6))/dot",
        "jit(f)/jvp()/reduce_sum",
    ]
    assert all(one.asynchronous for one in found)
    assert sum(one.bytes for one in found) == 2 * 11 * 4


def test_a_concatenation_of_the_program_is_one_array() -> None:
    """As the bias of a layer in two groups is."""
    text = JOINED.replace("dimensions={0}", 'dimensions={0}, metadata={op_name="jit(f)/conv2/c"}')
    (found,) = collectives(text, 2)
    assert (found.shape, found.values) == ((11,), 11)
