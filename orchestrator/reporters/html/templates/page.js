"use strict";
// Nothing here is needed to read the page: it filters long tables, and opens what a link leads to.
(() => {
  const form = document.querySelector(".filter");
  const rows = [...document.querySelectorAll("#results tbody tr")];
  if (form && rows.length > 20) {
    const input = form.querySelector("input");
    const output = form.querySelector("output");
    const chunks = [...document.querySelectorAll("#results details")];
    const were_open = chunks.map((chunk) => chunk.open);
    const texts = rows.map((row) => row.textContent.toLowerCase());
    const filter = () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let count = 0;
      rows.forEach((row, at) => {
        row.hidden = !words.every((word) => texts[at].includes(word));
        count += !row.hidden;
      });
      chunks.forEach((chunk, at) => {
        const hits = chunk.querySelectorAll("tbody tr:not([hidden])").length;
        chunk.hidden = !hits;
        chunk.open = words.length ? hits > 0 && count <= 2000 : were_open[at];
      });
      output.textContent = words.length ? `${count} of ${rows.length} rows` : "";
    };
    let waiting = 0;
    input.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(filter, 150); });
    form.addEventListener("submit", (event) => { event.preventDefault(); filter(); });
    form.hidden = false;
  }
  const open = () => {
    let place = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (; place; place = place.parentElement) if (place.tagName === "DETAILS") place.open = true;
  };
  addEventListener("hashchange", open);
  open();
})();
