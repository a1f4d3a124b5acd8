"use strict";
// Tables that are wider than the page say so, and long ones can be searched and sorted.
for (const box of document.querySelectorAll(".scroll")) tellOfScrolling(box);
for (const table of document.querySelectorAll("table.list")) startList(table);
if (parent !== self) {
  tellHeight(); // out of sight, the observer sleeps
  new ResizeObserver(tellHeight).observe(document.body);
}

// A page in a frame of another one, which cannot look into it, says how high it is.
function tellHeight() {
  const { height } = document.body.getBoundingClientRect();
  parent.postMessage({ height: Math.ceil(height) }, "*");
}

function tellOfScrolling(box) {
  const hint = document.createElement("p");
  hint.className = "hint";
  hint.textContent = "This table is wider than the page: scroll it sideways →";
  box.before(hint);
  const isLong = box.classList.contains("long");
  const look = () => {
    const isWide = box.scrollWidth > box.clientWidth + 1;
    hint.hidden = !isWide;
    // Keys scroll what has the focus.
    if (isWide || isLong) box.setAttribute("tabindex", "0");
    else box.removeAttribute("tabindex");
  };
  new ResizeObserver(look).observe(box);
  look();
}

function startList(table) {
  const body = table.tBodies[0];
  // A row without a head belongs to the one above it, wherever that goes.
  const groups = [];
  for (const row of body.rows) {
    const isBelow = row.cells[0].tagName === "TD" && !row.querySelector("th");
    if (isBelow && groups.length) groups.at(-1).push(row);
    else groups.push([row]);
  }
  const told = () => table.dispatchEvent(new Event("rows"));
  const text = (group, column) => group[0].cells[column].textContent.trim();

  function sort(column, button) {
    const head = button.parentElement;
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const numbers = groups.map((group) => parseFloat(text(group, column)));
    const areNumbers = numbers.some((n) => !isNaN(n)) &&
      groups.every((g, i) => !isNaN(numbers[i]) || !/[a-z]{4}/i.test(text(g, column)));
    const compare = (a, b) => areNumbers
      ? parseFloat(text(a, column)) - parseFloat(text(b, column))
      : text(a, column).localeCompare(text(b, column), undefined, { numeric: true });
    // What has no value stands last, in either direction.
    const lacks = (group) =>
      areNumbers ? isNaN(parseFloat(text(group, column))) : !text(group, column);
    groups.sort((a, b) => lacks(a) - lacks(b) || (down ? compare(b, a) : compare(a, b)));
    body.append(...groups.flat());
    told();
  }

  [...table.tHead.rows[0].cells].forEach((head, column) => {
    if (head.tagName !== "TH") return;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    button.addEventListener("click", () => sort(column, button));
    head.replaceChildren(button);
  });

  let field = table.closest(".plane")?.querySelector(table.dataset.search);
  if (!field) {
    const label = document.createElement("label");
    label.className = "search";
    field = document.createElement("input");
    field.type = "search";
    label.append("Search this table ", field);
    table.closest(".scroll").previousElementSibling.before(label); // and its hint
  }
  field.addEventListener("input", () => {
    const wanted = field.value.trim().toLowerCase();
    for (const group of groups) {
      const has = group.some((row) => row.textContent.toLowerCase().includes(wanted));
      for (const row of group) row.hidden = !has;
    }
    told();
  });
}
