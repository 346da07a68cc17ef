/** Load an image and decode it, so that it can be drawn at once. */
export async function loadImage(url, signal) {
  if (url === null) throw new Error("the original image was not logged");
  const image = new Image();
  const aborted = new Promise((_, reject) => {
    signal.addEventListener("abort", () => {
      image.removeAttribute("src");
      reject(new Error("aborted")); // decoding may never settle after this
    });
  });
  image.src = url;
  try {
    await Promise.race([image.decode(), aborted]);
  } catch (error) {
    throw new Error("the original image could not be loaded", { cause: error });
  }
  return image;
}
