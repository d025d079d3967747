// SPDX-License-Identifier: Apache-2.0
// Says it where an answer of the server did not come or was no: htmx alone would stay silent.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const trouble = document.getElementById("edit-trouble");
  if (!trouble) return;
  for (const name of ["htmx:responseError", "htmx:sendError", "htmx:timeout", "htmx:swapError"]) {
    document.body.addEventListener(name, () => { trouble.hidden = false; });
  }
  document.body.addEventListener("htmx:afterOnLoad", (told) => {
    if (told.detail.successful) trouble.hidden = true;
  });
});
