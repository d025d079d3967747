// SPDX-License-Identifier: Apache-2.0
// Opens a cell where it stands: one listener for all of them, where htmx would have to learn of hundreds of links at
// each key of a search. And says it where an answer of the server did not come or was no: htmx would stay silent.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const trouble = document.getElementById("edit-trouble");
  if (!trouble) return;
  document.body.addEventListener("click", (one) => {
    const link = one.target.closest("#rows a.edit");
    if (!link || one.button || one.ctrlKey || one.metaKey || one.shiftKey || one.altKey) return;
    one.preventDefault();
    htmx.ajax("GET", link.getAttribute("href"), { source: link, target: link.closest("td"), swap: "innerHTML" });
  });
  document.body.addEventListener("htmx:beforeSwap", (told) => {
    // The old list goes at once: htmx would say farewell to each of its elements, which takes longer than all the rest.
    if (told.detail.shouldSwap && told.detail.target.id === "rows") told.detail.target.replaceChildren();
  });
  for (const name of ["htmx:responseError", "htmx:sendError", "htmx:timeout", "htmx:swapError"]) {
    document.body.addEventListener(name, () => { trouble.hidden = false; });
  }
  document.body.addEventListener("htmx:afterOnLoad", (told) => {
    if (told.detail.successful) trouble.hidden = true;
  });
});
