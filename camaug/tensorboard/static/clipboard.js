/** Copying of text, also where a page may not use the clipboard's own interface. */

/**
 * Copy a text.
 *
 * Browsers deny `navigator.clipboard` on pages without HTTPS and, unless their host allows it, in iframes, such as those
 * of notebooks and editors. There the older command mostly works, as this is called by a click.
 *
 * @param {string} text
 * @returns {Promise<boolean>}  false if the browser denies both
 */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyByCommand(text);
  }
}

function copyByCommand(text) {
  let isCopied = false;
  const provide = (event) => {
    event.clipboardData.setData("text/plain", text);
    event.preventDefault();
    isCopied = true;
  };
  document.addEventListener("copy", provide);
  document.execCommand("copy");
  document.removeEventListener("copy", provide);
  return isCopied;
}
