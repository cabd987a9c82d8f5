"use strict";
(() => {
  const config = {
    displaylogo: false,
    displayModeBar: false,
    plotlyServerURL: "",
    responsive: true,
    scrollZoom: false,
    typesetMath: false,
  };
  const PAPER = { width: 676, height: 430 };
  const HALF_PAPER = 326;
  const NARROW = 560;
  const content = (id) => {
    const element = document.getElementById(id);
    return element ? JSON.parse(element.textContent) : null;
  };
  const charts = [...document.querySelectorAll(".chart")];
  const points = document.getElementById("customers");

  const hasWebGL = () => {
    const canvas = document.createElement("canvas");
    return Boolean(canvas.getContext("webgl") || canvas.getContext("experimental-webgl"));
  };

  // Without WebGL the first two features are drawn in two dimensions.
  const flatten = ({ data, layout }) => {
    const { scene, ...rest } = layout;
    const traces = data.map(({ z, ...trace }) => ({ ...trace, type: "scatter" }));
    const axis = (name) => ({ ...layout[name], ...scene[name] });
    return {
      data: traces,
      layout: {
        ...rest,
        dragmode: false,
        margin: { l: 8, r: 12, t: 12, b: 8 },
        xaxis: axis("xaxis"),
        yaxis: axis("yaxis"),
      },
    };
  };

  const inSpace = (figure) => figure.data.some((trace) => trace.type === "scatter3d");
  // On a narrow screen the camera moves back, or the axis titles are cut off.
  const stepBack = ({ scene }) => {
    for (const letter of "xyz") {
      scene.camera.eye[letter] *= 1.4;
      scene[`${letter}axis`].title.font.size = 10;
    }
  };
  for (const key of document.querySelectorAll(".keys button")) {
    key.addEventListener("click", () => {
      const shown = key.getAttribute("aria-pressed") !== "true";
      key.setAttribute("aria-pressed", String(shown));
      Plotly.restyle(points, { visible: shown }, [Number(key.dataset.trace)]);
    });
  }

  const choices = content("customers-axes");
  const placed = (axis) => (index) => {
    const value = axis.values[index];
    if (axis.transform === "log1p") return Math.log1p(Math.max(value, 0));
    return axis.transform === "signed" ? Math.sign(value) * Math.log1p(Math.abs(value)) : value;
  };
  const format = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 6 });
  const axesShown = () =>
    [...document.querySelectorAll("[data-axis]")].map((one) => choices.axes[one.value]);
  const hover = (name, index, shown) =>
    [
      name,
      ...(choices.customers.length
        ? [`${format.format(choices.customers[index])} similar customers, on average`]
        : []),
      ...shown.map((axis) => `${axis.feature}: ${format.format(axis.values[index])}`),
    ].join("<br>");
  // The points by the chosen features: for each trace its coordinates and what hovering shows.
  const pointsBy = (shown, traces, dimensions) => {
    const found = {
      hovertext: choices.segments.map((places, trace) =>
        places.map((index) => hover(traces[trace].name, index, shown)),
      ),
    };
    shown.slice(0, dimensions).forEach((axis, at) => {
      found["xyz"[at]] = choices.segments.map((places) => places.map(placed(axis)));
    });
    return found;
  };
  const redraw = () => {
    const shown = axesShown();
    const flat = points.data.every((trace) => trace.type === "scatter");
    const layout = {};
    shown.slice(0, flat ? 2 : 3).forEach((axis, at) => {
      const name = flat ? `${"xyz"[at]}axis` : `scene.${"xyz"[at]}axis`;
      layout[`${name}.title.text`] = axis.title;
      layout[`${name}.tickvals`] = axis.ticks;
      layout[`${name}.ticktext`] = axis.labels;
    });
    return Plotly.update(points, pointsBy(shown, points.data, flat ? 2 : 3), layout);
  };
  for (const select of document.querySelectorAll("[data-axis]")) {
    select.addEventListener("change", redraw);
  }

  const draw = (element) => {
    let figure = content(`${element.id}-figure`);
    if (element === points && choices) {
      const found = Object.entries(pointsBy(axesShown(), figure.data, 3));
      figure.data.forEach((trace, at) => {
        for (const [field, values] of found) trace[field] = values[at];
      });
    }
    if (inSpace(figure) && !hasWebGL()) figure = flatten(figure);
    if (inSpace(figure) && element.clientWidth < NARROW) stepBack(figure.layout);
    return Plotly.newPlot(element, figure.data, figure.layout, config);
  };

  // Tables on demand: rows are made from data when the table is opened, searched or continued.
  const SIGNS = { "2": "▲▲", "1": "▲", "-1": "▼", "-2": "▼▼" };
  const ROWS = 50;
  const made = (tag, text, style = "") => {
    const element = document.createElement(tag);
    element.textContent = text;
    element.className = style;
    return element;
  };
  const cellOf = ([text, level, range]) => {
    const cell = made("td", text, level ? `n level${level}` : "n");
    if (text === "–") cell.className = "n withheld";
    if (level) cell.append(" ", made("span", SIGNS[level], "sign"));
    if (range) cell.append(made("span", range, "all"));
    return cell;
  };
  const rowOf = ([name, ...cells]) => {
    const row = document.createElement("tr");
    const head = made("th", name);
    head.scope = "row";
    row.append(head, ...cells.map((cell) => cellOf(Array.isArray(cell) ? cell : [cell])));
    return row;
  };
  for (const details of document.querySelectorAll(".browse")) {
    const [search, status, body, more] = ["input", "[role=status]", "tbody", ".more"].map((one) =>
      details.querySelector(one),
    );
    let rows = null;
    let shown = ROWS;
    const fill = () => {
      rows = rows || content(details.dataset.table);
      const wanted = search.value.trim().toLowerCase();
      const found = rows.filter(([name]) => name.toLowerCase().includes(wanted));
      body.replaceChildren(...found.slice(0, shown).map(rowOf));
      more.hidden = found.length <= shown;
      const seen = Math.min(shown, found.length);
      status.textContent = `${format.format(seen)} of ${format.format(found.length)} shown`;
    };
    details.addEventListener("toggle", () => {
      if (details.open && !rows) fill();
    });
    search.addEventListener("input", () => {
      shown = ROWS;
      fill();
    });
    more.addEventListener("click", () => {
      shown += ROWS;
      fill();
    });
  }

  // Plotly fades the flows in when they are resized: paper would show none.
  const isFlow = (element) => element.data.some((trace) => trace.type === "sankey");

  // Paper is narrower than a screen: the charts are resized for printing, and restored afterwards.
  const folded = [...document.querySelectorAll("details:not([open])")];
  const forPaper = (printing) => {
    for (const details of folded) details.open = printing;
    for (const element of charts) {
      const height = parseInt(element.style.height) || null;
      const onScreen = { width: null, height, autosize: true };
      const width = element.closest(".multiples") ? HALF_PAPER : PAPER.width;
      const onPaper = { ...PAPER, width, ...(height && { height }) };
      const size = printing ? onPaper : onScreen;
      if (isFlow(element)) {
        Plotly.newPlot(element, element.data, { ...element.layout, ...size }, config);
      } else Plotly.relayout(element, size);
    }
  };
  // The browser counts pages after this event: what is opened later is cut off.
  window.addEventListener("beforeprint", () => forPaper(true));
  window.addEventListener("afterprint", () => forPaper(false));
  window.matchMedia("print").addEventListener("change", (print) => forPaper(print.matches));

  // A chart that was drawn inside a closed element has no width yet.
  for (const details of document.querySelectorAll("details")) {
    details.addEventListener("toggle", () => {
      if (!details.open || window.matchMedia("print").matches) return;
      for (const element of details.querySelectorAll(".chart")) Plotly.Plots.resize(element);
    });
  }

  Promise.all(charts.map(draw)).then(() => {
    document.documentElement.dataset.drawn = "true";
  });
})();
