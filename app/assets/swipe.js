// The divider of the swipe: right of it, the other product covers the map's own. Cut in the browser: no request is sent.
const at = share.data.share[0], image = whole.data.image[0], [rows, columns] = image.shape ?? [0, 0];
const x = x_range.start + at * (x_range.end - x_range.start);
const handle = document.getElementById("divider");
if (handle) { handle.style.left = `${100 * at}%`; handle.ariaValueNow = Math.round(100 * at); }
if (rows <= 1) {
  cover.data = { left: [], right: [], bottom: [], top: [] };
  shown.data = { image: [image], x: [0], y: [0], dw: [1], dh: [1] };
} else {
  const left = whole.data.x[0], wide = whole.data.dw[0];
  const first = Math.min(columns - 1, Math.max(0, Math.round((x - left) / wide * columns))), kept = columns - first;
  const part = new image.constructor(rows * kept, [rows, kept]);
  for (let row = 0; row < rows; row++) // not subarray: of Bokeh's arrays it gives the whole again
    part.set(new Uint8Array(image.buffer, image.byteOffset + row * columns + first, kept), row * kept);
  const from = left + first / columns * wide, far = 1e9;
  shown.data = { image: [part], x: [from], y: whole.data.y, dw: [wide * kept / columns], dh: whole.data.dh };
  cover.data = { left: [x], right: [far], bottom: [-far], top: [far] };
}
