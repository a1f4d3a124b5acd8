// The plane of pictures: thumbnails where there is room, preview, zoom and keyboard.
// Everything it knows stands in the table below the drawing.
for (const plane of document.querySelectorAll(".plane")) startPlane(plane);

function startPlane(plane) {
  const DEEPEST = 1 / 32; // of the scale: the closest view
  const FEW = 60; // pictures that may stand farther from their dots
  const MOST_PICTURES = 200;
  const PUSHED = 300; // dots that are kept apart
  const drawing = plane.querySelector(".plane-drawing");
  const grid = plane.querySelector(".plane-grid");
  const middle = plane.querySelector(".plane-middle");
  const interval = plane.querySelector(".plane-interval");
  const preview = plane.querySelector(".plane-preview");
  const invitation = preview.firstElementChild;
  const table = plane.querySelector("table");
  const veil = document.getElementById("pictures");
  // Dots of a small drawing are smaller.
  const radius = () => Number(plane.dataset.radius) * (side() < 480 ? 0.75 : 1);
  const numbers = (text) => (text ? text.split(" ").map(Number) : []);
  const whole = [numbers(plane.dataset.across), numbers(plane.dataset.up)];
  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
  const rows = [...table.tBodies[0].rows];
  const points = [...drawing.querySelectorAll(".plane-point")].map((element, i) => {
    const place = numbers(rows[i].dataset.place);
    return { element, row: rows[i], ends: numbers(rows[i].dataset.ends),
      // One outside of the scale stands at its end.
      place: place.map((value, axis) => clamp(value, ...whole[axis])),
      circle: element.firstElementChild, source: rows[i].querySelector("img")?.src };
  });
  const pointOf = new Map(points.map((point) => [point.row, point]));
  let view = whole.map((ends) => [...ends]);
  let current = null; // what the preview shows
  let reachable = null; // the one that Tab leads to

  function make(name, attributes, parent) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const key in attributes) element.setAttribute(key, attributes[key]);
    parent.append(element);
    return element;
  }

  const side = () => drawing.clientWidth || drawing.getBoundingClientRect().width;
  const share = (value, axis) =>
    (value - view[axis][0]) / (view[axis][1] - view[axis][0]);
  const left = (value) => share(value, 0) * side();
  const top = (value) => (1 - share(value, 1)) * side();

  function ticks(axis) {
    const [low, high] = view[axis];
    const power = 10 ** Math.floor(Math.log10((high - low) / 8));
    const step = power * [1, 2, 5, 10].find((n) => n * power * 8.001 >= high - low);
    const places = [];
    const first = Math.ceil(low / step - 1e-6);
    for (let i = first; i * step <= high + 1e-6 * step; i++) places.push(i * step);
    const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-6));
    return places.map((value) => [value, value.toFixed(decimals)]);
  }

  function drawAxes() {
    const edge = side();
    grid.replaceChildren();
    middle.replaceChildren();
    for (const [value, text] of ticks(0)) {
      const x = left(value);
      make("line", { x1: x, x2: x, y1: 0, y2: edge }, grid);
      const attributes = { x, y: edge, dy: 18, "text-anchor": "middle" };
      make("text", attributes, grid).textContent = text;
    }
    for (const [value, text] of ticks(1)) {
      const y = top(value);
      make("line", { x1: 0, x2: edge, y1: y, y2: y }, grid);
      const attributes = { x: -8, y, dy: 4, "text-anchor": "end" };
      make("text", attributes, grid).textContent = text;
    }
    const centre = whole.map(([low, high]) => (low + high) / 2);
    const at = [left(centre[0]), top(centre[1])].map((v) => clamp(v, 0, edge));
    if (at[0] > 0 && at[0] < edge)
      make("line", { x1: at[0], x2: at[0], y1: 0, y2: edge }, middle);
    if (at[1] > 0 && at[1] < edge)
      make("line", { x1: 0, x2: edge, y1: at[1], y2: at[1] }, middle);
    // Words stay in the outer corner of what is seen of their quadrant.
    plane.querySelectorAll(".plane-words").forEach((words, i) => {
      const wide = i % 2 ? edge - at[0] : at[0];
      const high = i > 1 ? edge - at[1] : at[1];
      words.style.display = wide < 80 || high < 110 ? "none" : "";
    });
  }

  // Dots that lie on each other are pushed apart, each by at most its own size.
  function push(shown) {
    const least = 2 * radius() + 1, most = 2 * radius();
    for (let pass = 0; pass < 12; pass++) {
      let moved = false;
      shown.forEach((a, i) => {
        for (const b of shown.slice(i + 1)) {
          let dx = b.x - a.x, dy = b.y - a.y;
          let apart = Math.hypot(dx, dy);
          if (apart >= least) continue;
          if (apart < 0.01) [dx, dy, apart] = [Math.cos(i), Math.sin(i), 1];
          const by = (least - Math.min(apart, least - 0.5)) / 2 / apart;
          [a.x, a.y, b.x, b.y] =
            [a.x - dx * by, a.y - dy * by, b.x + dx * by, b.y + dy * by];
          moved = true;
        }
      });
      for (const point of shown) {
        point.x = clamp(point.x, point.left - most, point.left + most);
        point.y = clamp(point.y, point.top - most, point.top + most);
      }
      if (!moved) return;
    }
  }

  function isIn(point) {
    return point.place.every((v, axis) => v >= view[axis][0] && v <= view[axis][1]);
  }

  const ordered = () => [...table.tBodies[0].rows]
    .filter((row) => !row.hidden).map((row) => pointOf.get(row));
  const onView = () => ordered().filter(isIn);

  function layout() {
    drawAxes();
    const shown = onView();
    for (const point of points) {
      while (point.circle.nextSibling) point.circle.nextSibling.remove();
      point.element.style.display = "none";
      point.x = point.left = left(point.place[0]);
      point.y = point.top = top(point.place[1]);
    }
    if (shown.length <= PUSHED) push(shown);
    for (const point of shown) {
      point.element.style.display = "";
      point.circle.setAttribute("cx", point.x);
      point.circle.setAttribute("cy", point.y);
      point.circle.setAttribute("r", radius());
    }
    if (!veil || veil.checked) placePictures(shown);
    if (!shown.includes(reachable)) reach(shown[0] ?? null);
    const out = ordered().length - shown.length;
    plane.querySelector(".plane-count").textContent =
      `${shown.length} of ${points.length} pictures` + (out ? `, ${out} out of view` : "");
    drawing.classList.toggle("zoomed", String(view) !== String(whole));
    drawInterval();
  }

  // A picture stands on its dot where nothing else does, or else beside it, of few
  // pictures farther away.
  function placePictures(shown) {
    const edge = side(), size = edge >= 480 ? 56 : 40;
    const meets = (x, y, other, reach) =>
      Math.abs(x - other.x) < reach && Math.abs(y - other.y) < reach;
    const tries = [[0, 0]];
    for (const away of shown.length <= FEW ? [0.75, 1.2, 1.7, 2.3, 3] : [0.75, 1.2])
      for (let i = 0; i < 16; i++) {
        const angle = (i * Math.PI) / 8;
        tries.push([away * Math.cos(angle), away * Math.sin(angle)]);
      }
    const placed = [];
    for (const point of shown) {
      if (!point.source || placed.length >= MOST_PICTURES) continue;
      for (const [dx, dy] of tries) {
        const x = point.x + dx * size, y = point.y + dy * size;
        const beside = dx || dy;
        if (beside && (Math.min(x, y) < size / 2 || Math.max(x, y) > edge - size / 2))
          continue;
        if (placed.some((other) => meets(x, y, other, size + 2))) continue;
        const reach = size / 2 + radius() + 2;
        if (shown.some((o) => (o !== point || beside) && meets(x, y, o, reach))) continue;
        placed.push({ x, y });
        const corner = { x: x - size / 2, y: y - size / 2, width: size, height: size };
        if (beside) {
          const line = { x1: point.x, y1: point.y, x2: x, y2: y };
          make("line", line, point.element);
        }
        const image = { ...corner, href: point.source };
        make("image", { ...image, preserveAspectRatio: "xMidYMid slice" }, point.element);
        make("rect", corner, point.element);
        break;
      }
    }
  }

  function drawInterval() {
    interval.replaceChildren();
    if (!current || current.element.style.display) return;
    make("circle", { cx: current.x, cy: current.y, r: radius() + 3 }, interval);
    if (current.ends.length < 4) return;
    const edge = side();
    const [x1, x2] = current.ends.slice(0, 2).map((v) => clamp(left(v), 0, edge));
    const [y2, y1] = current.ends.slice(2).map((v) => clamp(top(v), 0, edge));
    make("rect", { x: x1, y: y1, width: x2 - x1, height: y2 - y1 }, interval);
    const { left: x, top: y } = current;
    for (const [a, b, c, d] of [[x1, y, x2, y], [x, y1, x, y2], [x1, y - 5, x1, y + 5],
      [x2, y - 5, x2, y + 5], [x - 5, y1, x + 5, y1], [x - 5, y2, x + 5, y2]])
      make("line", { x1: a, y1: b, x2: c, y2: d }, interval);
  }

  function show(point) {
    current?.element.classList.remove("current");
    current = point;
    point?.element.classList.add("current");
    preview.replaceChildren();
    if (!point) preview.append(invitation);
    else {
      const name = document.createElement("strong"), facts = document.createElement("dl");
      const heads = [...table.tHead.rows[0].cells];
      heads.forEach((head, i) => {
        const cell = point.row.cells[i];
        if (head.scope !== "col" || cell.tagName === "TH" || !cell.textContent) return;
        const term = document.createElement("dt"), value = document.createElement("dd");
        term.textContent = head.textContent;
        value.textContent = cell.textContent;
        facts.append(term, value);
      });
      name.textContent = point.row.querySelector("th").textContent;
      const frame = point.row.querySelector(".frame")?.cloneNode(true);
      if (frame) preview.append(frame);
      preview.append(name, facts);
    }
    drawInterval();
  }

  function reach(point) {
    reachable?.element.setAttribute("tabindex", "-1");
    reachable = point;
    point?.element.setAttribute("tabindex", "0");
  }

  function zoom(factor, at = [0.5, 0.5]) {
    view = view.map(([low, high], axis) => {
      const all = whole[axis][1] - whole[axis][0];
      const span = clamp((high - low) * factor, all * DEEPEST, all);
      const start = low + (high - low - span) * at[axis];
      const first = clamp(start, whole[axis][0], whole[axis][1] - span);
      return [first, first + span];
    });
    layout();
  }

  // Around the picture that is shown, so that it stays in view.
  const zoomHere = (factor) =>
    zoom(factor, current && isIn(current)
      ? current.place.map((value, axis) => share(value, axis)) : undefined);

  function zoomTo(kind) {
    if (kind === "in") return zoomHere(2 / 3);
    if (kind === "out") return zoomHere(3 / 2);
    view = whole.map((ends, axis) => {
      const values = ordered().map((point) => point.place[axis]);
      if (kind === "whole" || !values.length) return [...ends];
      const low = Math.min(...values), high = Math.max(...values);
      const half = Math.max((high - low) * 0.58, (ends[1] - ends[0]) * DEEPEST);
      const centre = (low + high) / 2;
      return [Math.max(ends[0], centre - half), Math.min(ends[1], centre + half)];
    });
    layout();
  }

  function next(key) {
    const all = ordered(), shown = onView();
    const at = all.indexOf(reachable);
    if (key === "Home") return all[0];
    if (key === "End") return all.at(-1);
    if (key === "PageDown") return all[Math.min(at + 1, all.length - 1)];
    if (key === "PageUp") return all[Math.max(at - 1, 0)];
    const [sx, sy] = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, -1],
      ArrowDown: [0, 1] }[key];
    let best = null, least = Infinity;
    for (const point of shown) {
      const dx = point.x - reachable.x, dy = point.y - reachable.y;
      const along = dx * sx + dy * sy, aside = Math.abs(dx * sy) + Math.abs(dy * sx);
      if (along > 0 && along + 2 * aside < least)
        [best, least] = [point, along + 2 * aside];
    }
    return best;
  }

  drawing.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "Escape") return show(null);
    if (event.key === "+" || event.key === "=") return zoomTo("in");
    if (event.key === "-") return zoomTo("out");
    if (event.key === "0") return zoomTo("whole");
    if (!/^(Arrow.*|Page.*|Home|End)$/.test(event.key) || !reachable) return;
    event.preventDefault();
    const point = next(event.key);
    if (!point) return;
    if (!isIn(point)) zoomTo("whole");
    point.element.focus({ preventScroll: true });
  });
  for (const point of points) {
    const { element } = point;
    element.setAttribute("role", "img");
    element.setAttribute("tabindex", "-1");
    element.setAttribute("aria-label", point.circle.textContent);
    point.circle.replaceChildren(); // its title; the preview says the same
    element.addEventListener("focus", () => { reach(point); show(point); });
    element.addEventListener("pointerenter", () => { if (!dragged) show(point); });
    element.addEventListener("click", () => {
      reach(point);
      element.focus({ preventScroll: true });
      show(point);
    });
  }

  let dragged = null; // where a zoomed plane was taken hold of
  drawing.addEventListener("pointerdown", (event) => {
    if (drawing.classList.contains("zoomed") && event.button === 0)
      dragged = { x: event.clientX, y: event.clientY, view };
  });
  addEventListener("pointermove", (event) => {
    if (!dragged) return;
    const moved = [dragged.x - event.clientX, event.clientY - dragged.y];
    view = dragged.view.map(([low, high], axis) => {
      const by = (moved[axis] / side()) * (high - low);
      const first = clamp(low + by, whole[axis][0], whole[axis][1] - (high - low));
      return [first, first + high - low];
    });
    layout();
  });
  for (const kind of ["pointerup", "pointercancel"])
    addEventListener(kind, () => { dragged = null; });
  drawing.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return; // else the page scrolls
    event.preventDefault();
    const box = drawing.getBoundingClientRect();
    const at = [(event.clientX - box.left) / box.width,
      1 - (event.clientY - box.top) / box.height];
    zoom(event.deltaY < 0 ? 0.8 : 1.25, at);
  }, { passive: false });
  for (const button of plane.querySelectorAll("[data-zoom]"))
    button.addEventListener("click", () => zoomTo(button.dataset.zoom));

  drawing.setAttribute("role", "group");
  for (const part of [".plane-tools", ".plane-preview", ".plane-help"])
    plane.querySelector(part).hidden = false;
  table.addEventListener("rows", layout); // searched or sorted, see page.js
  veil?.addEventListener("change", layout);
  new ResizeObserver(layout).observe(drawing);
  // On paper the plane has another width, which is not known before: one is given.
  addEventListener("beforeprint", () => {
    plane.classList.add("printed");
    layout();
  });
  addEventListener("afterprint", () => {
    plane.classList.remove("printed");
    layout();
  });
  layout();
}
