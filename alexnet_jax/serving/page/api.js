// Requests to the server of this page, and the numbers in its answers.

/** Ask for JSON; throws an Error with one sentence that can be shown. */
async function ask(address, options = {}) {
  let answer;
  try {
    answer = await fetch(address, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The server does not answer. Was it stopped in its terminal?");
  }
  let record = {};
  try {
    record = await answer.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
  }
  if (answer.ok && !record.error) return record;
  throw new Error(record.error || `The server answered with status ${answer.status}.`);
}

export function network() {
  return ask("api/network");
}

/** Post a picture, {file} or {sample}, with query parameters, to "examine" or "cover". */
export function post(what, picture, parameters, signal) {
  const query = new URLSearchParams(parameters);
  if (picture.file) query.set("name", picture.file.name || "the picture");
  else query.set("sample", picture.sample);
  const headers = { "Content-Type": "application/octet-stream" };
  return ask(`api/${what}?${query}`, { method: "POST", headers, body: picture.file, signal });
}

/** Decode {shape, values} to a Float32Array; the bytes are little-endian, as those of browsers. */
export function numbers(record) {
  const text = atob(record.values);
  const bytes = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
  return new Float32Array(bytes.buffer);
}
