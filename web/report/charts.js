// The kinds of charts that the pages show, over Chart.js. Colours come from the theme at the moment
// of drawing, so a change of theme or a print draws all charts again.
"use strict";

const Charts = (() => {
  const { element } = Elements;

  // Okabe and Ito's colours, told apart with every kind of colour vision; two sets, of equal hue,
  // for light and for dark ground.
  const LIGHT = { blue: "#0072b2", sky: "#56b4e9", teal: "#009e73", amber: "#e69f00", yellow: "#d9c400",
    red: "#d55e00", purple: "#a65a8d", black: "#3a4350", grey: "#c3cbd4", brown: "#8c6d46", mid: "#8793a1" };
  const DARK = { blue: "#2f88cc", sky: "#8fd0f7", teal: "#2fc297", amber: "#f0b233", yellow: "#efe06a",
    red: "#f07d3a", purple: "#d08bba", black: "#dfe6ee", grey: "#47525e", brown: "#b8966a", mid: "#7d8996" };
  const ORDER = ["blue", "amber", "teal", "red", "purple", "sky", "brown", "black"];

  function isDark() {
    const set = document.documentElement.dataset.theme;
    return set ? set === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  }
  const colour = (name) => (isDark() ? DARK : LIGHT)[name] || name;
  const numbered = (index) => ORDER[index % ORDER.length];
  const variable = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  /** Every chart that was made: how it is drawn, and Chart.js's object while it is drawn. */
  const drawn = [];
  function redraw() {
    for (const one of drawn) one.draw();
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);

  function tooltip(options) {
    return {
      mode: options.mode || "index", intersect: false, position: "nearest",
      backgroundColor: variable("--panel"), titleColor: variable("--text"), bodyColor: variable("--text"),
      footerColor: variable("--quiet"), borderColor: variable("--line"), borderWidth: 1, padding: 8,
      boxWidth: 9, boxHeight: 9, boxPadding: 4, footerFont: { weight: "normal" }, ...options,
    };
  }

  function axis(options) {
    const { ticks, grid, title, ...rest } = options;
    return {
      border: { display: false },
      grid: { color: variable("--grid"), drawBorder: false, drawTicks: false, ...grid },
      ticks: { color: variable("--quiet"), font: { size: 11 }, padding: 6, maxRotation: 0, autoSkipPadding: 14, ...ticks },
      title: { display: Boolean(title), text: title, color: variable("--quiet"), font: { size: 11 } },
      ...rest,
    };
  }

  /**
   * A canvas that draws itself, and its legend. `configure` gives Chart.js's configuration and is
   * called for each drawing; what the legend has hidden stays hidden.
   */
  function chart({ label, size = "", legend = true, configure }) {
    const canvas = element("canvas", { role: "img", "aria-label": label });
    const box = element("div", { className: `chart ${size}` }, canvas);
    const keys = element("div", { className: "legend" });
    const hidden = new Set();
    const one = { canvas, object: null, draw };
    function draw() {
      if (one.object) one.object.destroy();
      if (!canvas.isConnected) return;
      const configuration = configure();
      configuration.data.datasets.forEach((dataset) => { dataset.hidden = hidden.has(dataset.label); });
      configuration.options = { animation: false, responsive: true, maintainAspectRatio: false,
        normalized: true, ...configuration.options };
      configuration.options.plugins = { legend: { display: false }, ...configuration.options.plugins };
      one.object = new Chart(canvas, configuration);
      // What a test looks at.
      document.documentElement.dataset.charts = String(drawn.filter(({ object }) => object).length);
      if (legend) keys.replaceChildren(...configuration.data.datasets.map(key));
    }
    function key(dataset) {
      const tone = dataset.swatch || dataset.backgroundColor || dataset.borderColor;
      const swatch = element("span", { className: dataset.borderDash ? "swatch dashed" : "swatch" });
      swatch.style.background = tone;
      swatch.style.borderColor = dataset.borderDash ? dataset.borderColor : "";
      return element("button", { type: "button", "aria-pressed": String(!hidden.has(dataset.label)),
        title: dataset.about || "Press to hide or show", onclick: () => {
          if (!hidden.delete(dataset.label)) hidden.add(dataset.label);
          draw();
        } }, swatch, dataset.label);
    }
    drawn.push(one);
    // Drawn once it is in the page, when its size is known.
    requestAnimationFrame(draw);
    return element("div", { className: "drawing" }, ...(legend ? [keys] : []), box);
  }

  /** Ticks at whole days, or hours when the run is short. */
  function timeAxis(hours, options = {}) {
    const end = hours.length ? hours[hours.length - 1] : 1;
    const steps = [0.25, 0.5, 1, 2, 3, 6, 12, 24, 48, 72, 168, 336, 720, 1440, 2880];
    const step = steps.find((one) => end / one <= (options.most || 10)) || end / 8;
    return axis({
      type: "linear", min: 0, max: end,
      ticks: { stepSize: step, callback: (hour) =>
        step >= 24 ? `day ${Format.short(Format.figure(hour / 24))}` : `${Format.short(Format.figure(hour))} h` },
      grid: { display: false },
    });
  }

  const marks = (options) => (value) => Format.short((options.tick || options.show)(value));
  const points = (hours, values) => values.map((y, index) => ({ x: hours[index], y }));

  function line(name, tone, hours, values, more = {}) {
    return { label: name, data: points(hours, values), borderColor: colour(tone), backgroundColor: colour(tone),
      borderWidth: 1.6, pointRadius: 0, pointHitRadius: 8, tension: 0, ...more };
  }

  /**
   * Lines over time.
   * @param {{name: string, colour: string, values: number[], hours?: number[], dashed?: boolean,
   *          filled?: boolean}[]} series
   * @param {{label: string, show: function(number): string, tick?: function(number): string,
   *          max?: number, size?: string, legend?: boolean, ticks?: number}} options
   */
  function timeLines(hours, series, options) {
    const ends = series.map((one) => one.hours || hours).reduce((a, b) => (b[b.length - 1] > (a[a.length - 1] || 0) ? b : a), hours);
    return chart({ label: options.label, size: options.size, legend: options.legend, configure: () => ({
      type: "line",
      data: { datasets: series.map((one) => line(one.name, one.colour, one.hours || hours, one.values, {
        borderDash: one.dashed ? [5, 4] : undefined, borderWidth: one.dashed ? 1.3 : 1.6,
        fill: one.filled ? "origin" : false,
        backgroundColor: one.filled ? `${colour(one.colour)}30` : colour(one.colour), swatch: colour(one.colour) })) },
      options: {
        interaction: { mode: series.some((one) => one.hours) ? "nearest" : "index", axis: "x", intersect: false },
        scales: { x: timeAxis(ends, { most: options.ticks }),
          y: axis({ beginAtZero: true, max: options.max, suggestedMax: options.suggestedMax,
            ticks: { maxTicksLimit: options.size === "small" ? 4 : 7, callback: marks(options) } }) },
        plugins: { tooltip: tooltip({ callbacks: {
          title: (items) => (items.length ? Format.moment(items[0].parsed.x) : ""),
          label: (item) => ` ${item.dataset.label}: ${options.show(item.parsed.y)}` } }) },
      },
    }) });
  }

  /** Areas over each other, which add up to `total` at each moment; the first lies lowest. */
  function stackedAreas(hours, series, options) {
    return chart({ label: options.label, size: options.size, configure: () => ({
      type: "line",
      data: { datasets: series.map((one, index) => line(one.name, one.colour, hours, one.values, {
        fill: index === 0 ? "origin" : "-1", borderWidth: innerWidth < 700 ? 0 : 0.6, borderColor: variable("--panel"),
        swatch: colour(one.colour), about: one.about })) },
      options: {
        interaction: { mode: "index", intersect: false },
        scales: { x: timeAxis(hours), y: axis({ stacked: true, min: 0, max: options.total,
          ticks: { callback: marks(options) } }) },
        plugins: { tooltip: tooltip({ itemSort: (a, b) => b.datasetIndex - a.datasetIndex,
          filter: (item) => item.parsed.y > 0, callbacks: {
            title: (items) => (items.length ? Format.moment(items[0].parsed.x) : ""),
            labelColor: (item) => ({ backgroundColor: item.dataset.swatch, borderColor: item.dataset.swatch }),
            label: (item) => ` ${item.dataset.label}: ${options.show(item.parsed.y)}` } }) },
      },
    }) });
  }

  const TIMES = [0.001, 0.01, 0.1, 1, 10, 60, 600, 3600, 36000, 86400, 864000, 8640000];

  /**
   * Curves of "so many percent are at most this", over a logarithmic axis.
   * @param {{name: string, colour: string, quantiles: number[]}[]} series
   * @param {number[]} at the share of jobs at each quantile
   * @param {{label: string, show: function, floor: number, times?: boolean, title: string}} options
   *        floor: what is less is drawn there, since 0 has no logarithm
   */
  function cumulative(series, at, options) {
    const most = Math.max(options.floor * 10, ...series.map((one) => one.quantiles[one.quantiles.length - 1] || 0));
    return chart({ label: options.label, configure: () => ({
      type: "line",
      data: { datasets: series.map((one) => ({ label: one.name, borderColor: colour(one.colour),
        backgroundColor: colour(one.colour), borderWidth: 1.8, pointRadius: 0, pointHitRadius: 10,
        data: one.quantiles.map((x, index) => ({ x: Math.max(x, options.floor), y: 100 * at[index], real: x })) })) },
      options: {
        interaction: { mode: "nearest", axis: "xy", intersect: false },
        scales: {
          x: axis({ type: "logarithmic", min: options.floor, max: most, title: options.title,
            afterBuildTicks: (scale) => {
              const marks = options.times ? TIMES : [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 1e4, 1e5, 1e6];
              scale.ticks = marks.filter((value) => value >= options.floor && value <= most).map((value) => ({ value }));
            },
            ticks: { autoSkip: true, callback: (value) => (value === options.floor && options.floorText) || Format.short(options.show(value)) } }),
          y: axis({ min: 0, max: 100, ticks: { stepSize: 25, callback: (value) => `${value} %` } }) },
        plugins: { tooltip: tooltip({ mode: "nearest", callbacks: {
          title: (items) => (items.length ? items[0].dataset.label : ""),
          label: (item) => ` ${Format.figure(item.parsed.y)} % at most ${options.show(item.raw.real)}` } }) },
      },
    }) });
  }

  /** Bars that lie, one a row; several series stand on each other. */
  function bars(names, series, options) {
    const drawing = chart({ label: options.label, legend: series.length > 1, configure: () => ({
      type: "bar",
      data: { labels: names, datasets: series.map((one) => ({ label: one.name, data: one.values, about: one.about,
        backgroundColor: colour(one.colour), borderWidth: 0, barPercentage: 0.82, categoryPercentage: 0.9 })) },
      options: {
        indexAxis: "y",
        scales: { x: axis({ beginAtZero: true, stacked: true, max: options.max, ticks: { callback: marks(options) } }),
          y: axis({ stacked: true, grid: { display: false }, ticks: { autoSkip: false,
            callback(value) { const name = this.getLabelForValue(value); return name.length > 26 ? `${name.slice(0, 25)}…` : name; } } }) },
        plugins: { tooltip: tooltip({ callbacks: {
          label: (item) => ` ${series.length > 1 ? `${item.dataset.label}: ` : ""}${options.show(item.parsed.x)}` } }) },
      },
    }) });
    drawing.querySelector(".chart").style.height = `${Math.max(90, 30 + 20 * names.length)}px`;
    return drawing;
  }

  /** The button that goes from the system's theme to the other one, and back. */
  function themeButton() {
    const root = document.documentElement;
    const button = element("button", { type: "button", className: "theme", onclick: () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      name();
      redraw();
    } });
    const name = () => { button.textContent = isDark() ? "Light" : "Dark"; button.title = "Change the colours of this page"; };
    name();
    return button;
  }

  // Paper is white, and narrower than the window.
  let before;
  addEventListener("beforeprint", () => {
    before = document.documentElement.dataset.theme;
    document.documentElement.dataset.theme = "light";
    redraw();
    for (const one of drawn) if (one.object) one.object.resize();
  });
  addEventListener("afterprint", () => {
    if (before) document.documentElement.dataset.theme = before; else delete document.documentElement.dataset.theme;
    redraw();
  });

  return { timeLines, stackedAreas, cumulative, bars, themeButton, colour, numbered };
})();
