// Gives each cell of a table its column's heading, which extra.css shows on a phone.
for (const table of document.querySelectorAll(".md-typeset table:not([class])")) {
  const headings = [...table.querySelectorAll("thead th")].map((heading) => heading.textContent);
  for (const row of table.tBodies[0]?.rows ?? []) {
    [...row.cells].forEach((cell, position) => {
      if (headings[position] && cell.textContent) cell.dataset.heading = headings[position];
    });
  }
}
