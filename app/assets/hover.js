// Longitude, latitude and value under the pointer, from the frame that is on the screen: no request is sent.
// A new frame under a resting pointer is read again, so that the number is never that of an older picture.
const R = 6378137, box = document.getElementById("readout");
if (cb_obj.sx !== undefined) window.loamPointer = { x: cb_obj.x, y: cb_obj.y, of: front.id };
const at = window.loamPointer;
if (box && at && at.of === front.id) { // of several maps, the one under the pointer speaks
  const lon = ((at.x / R * 180 / Math.PI + 540) % 360) - 180;
  const lat = (2 * Math.atan(Math.exp(at.y / R)) - Math.PI / 2) * 180 / Math.PI;
  const covered = swiped.data.dw[0] > 1 && at.x >= swiped.data.x[0];
  const codeOf = (d) => {
    const image = d.image[0], [rows, columns] = image.shape ?? [image.length, image[0]?.length ?? 0];
    const i = Math.floor((at.y - d.y[0]) / d.dh[0] * rows), j = Math.floor((at.x - d.x[0]) / d.dw[0] * columns);
    const inside = rows > 1 && i >= 0 && j >= 0 && i < rows && j < columns;
    return { i, j, code: !inside ? undefined : image.shape ? image[i * columns + j] : image[i][j] };
  };
  const above = !covered && layer.visible && codeOf(running.data).code > 0; // where it has no value, the layer shows
  const range = (covered ? swiped_scale : above ? running_scale : layer.visible ? scale : score_scale).data;
  const { i, j, code } = codeOf((covered ? swiped : above ? running : layer.visible ? front : scores).data);
  let text = "";
  if (code !== undefined) {
    const low = range.low[0], high = range.high[0];
    const digits = high - low > 5 ? 0 : high - low <= 0.2 ? 3 : 2;
    const labels = range.labels?.[0];
    if (labels?.length) text = labels[code];
    else if (code === 0) text = tr("no value");
    else if (code === 1) text = tr("below {value}", { value: low });
    else if (code === 255) text = tr("above {value}", { value: high });
    else text = `${(low + (code - 2) * (high - low) / 252).toFixed(digits)} ${range.units[0]}`;
  }
  if (!covered && !above && layer.visible) {
    const row = cells.data.row[0][i], column = cells.data.column[0][j]; // where cells are large enough to be told apart
    if (row >= 0 && column >= 0) text += `   ${cells.data.grid[0]} ${tr("row {row}, column {column}", { row, column })}`;
  }
  const ns = lat < 0 ? "S" : "N", ew = lon < 0 ? "W" : "E";
  box.textContent = `${Math.abs(lat).toFixed(2)}° ${ns}  ${Math.abs(lon).toFixed(2)}° ${ew}   ${text}`;
}
