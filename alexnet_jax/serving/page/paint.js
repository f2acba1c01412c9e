// Numbers as pixels on canvases.

/** Paint values (row by row) on a canvas: 0 black, `most` white, negative ones blue. */
export function paint(canvas, values, width, height, most) {
  canvas.width = width;
  canvas.height = height;
  const image = new ImageData(width, height);
  for (let place = 0; place < width * height; place++) {
    const share = most > 0 && place < values.length ? values[place] / most : 0;
    const level = 255 * Math.min(1, Math.abs(share));
    const [red, green] = share < 0 ? [0.3 * level, 0.55 * level] : [level, level];
    image.data.set([red, green, level, 255], 4 * place);
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

/** Return one map of [H, W, maps] values. */
export function mapOf(values, shape, number) {
  const [height, width, maps] = shape;
  const one = new Float32Array(height * width);
  for (let place = 0; place < one.length; place++) one[place] = values[place * maps + number];
  return one;
}

/** Return the largest magnitude of some values. */
export function magnitude(values) {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

/** Return a number with three digits, for people. */
export function short(value) {
  return Number(value.toPrecision(3)).toString();
}

/**
 * Paint the map of what mattered over the picture: red where covering lowers the probability, blue
 * where it raises it. The square's centres are multiples of `stride` pixels of the view.
 */
export function paintCover(canvas, picture, record, drops) {
  const [rows, columns] = record.shape;
  const zoom = Math.max(1, Math.ceil(320 / picture.naturalWidth));
  canvas.width = zoom * picture.naturalWidth;
  canvas.height = zoom * picture.naturalHeight;
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = false;
  context.filter = "grayscale(1)";
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  context.filter = "none";
  const cells = new OffscreenCanvas(columns, rows);
  const image = new ImageData(columns, rows);
  const most = Math.max(0.01, magnitude(drops));
  drops.forEach((drop, place) => {
    const colour = drop > 0 ? [225, 45, 30] : [40, 110, 235];
    image.data.set([...colour, 190 * Math.abs(drop) / most], 4 * place);
  });
  cells.getContext("2d").putImageData(image, 0, 0);
  context.imageSmoothingEnabled = true;
  const step = zoom * record.stride;
  context.drawImage(cells, -step / 2, -step / 2, step * columns, step * rows);
}
