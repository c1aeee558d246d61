// compare.html: several setups over each other, from the Comparison that stands in the page as JSON
// (src/twin/compare.h says what each field is).
"use strict";

(() => {
  const { element, section, table } = Elements;
  const F = Format;
  const { groups, figures, notes, quantiles } = JSON.parse(document.getElementById("data").textContent);
  const page = document.getElementById("page");
  const show = { percent: (v) => `${F.decimals(v, 2)} %`, seconds: F.seconds, ratio: F.times, count: F.count,
    hours: F.hours, mwh: F.energy, usd: F.money, tonnes: F.carbon };
  const tone = Charts.numbered;

  function spread(figure, index) {
    const { count, mean, deviation } = figure.groups[index];
    if (count === 0) return "–";
    return count > 1 ? `${show[figure.unit](mean)} ± ${show[figure.unit](deviation)}` : show[figure.unit](mean);
  }
  const known = (figure, index) => figure.groups[0].count > 0 && figure.groups[index].count > 0;
  function change(figure, index) {
    if (!known(figure, index)) return "–";
    const { difference, percent } = figure.differences[index - 1];
    const sign = difference > 0 ? "+" : difference < 0 ? "−" : "±";
    const size = show[figure.unit](Math.abs(difference));
    if (figure.unit === "percent") return `${sign}${size.replace("%", "points")}`;
    return figure.groups[0].mean === 0 ? sign + size : `${sign}${size} (${sign}${F.percent(Math.abs(percent))})`;
  }
  /** Green and red only for what is beyond chance, and where one side is the better one. */
  function judged(figure, index) {
    const { difference, verdict } = figure.differences[index - 1];
    if (verdict !== "beyond" || figure.better === "neither" || difference === 0) return "";
    return (difference > 0) === (figure.better === "higher") ? "good" : "bad";
  }
  const words = { beyond: "beyond the spread", within: "within the spread", unknown: "not known" };

  function figuresTable() {
    const columns = [{ title: "Figure", text: true, value: (figure) => figure.title }];
    groups.forEach((group, index) => {
      columns.push({ title: group.name, value: (figure) => figure.groups[index].mean, show: (_, figure) => spread(figure, index) });
      if (index === 0) return;
      columns.push({ title: "Difference", value: (figure) => figure.differences[index - 1].percent,
        show: (_, figure) => change(figure, index), tone: (_, figure) => judged(figure, index),
        hint: (_, figure) => { const { interval, paired, verdict } = figure.differences[index - 1];
          return verdict === "unknown" ? "" : `± ${show[figure.unit](interval)} at 95 %, ${paired ? "seed by seed" : "Welch's test"}`; } });
      columns.push({ title: "is", text: true, value: (figure) => (known(figure, index) ? words[figure.differences[index - 1].verdict] : "–") });
    });
    return section("figures", "Side by side", `Mean ± deviation over the seeds; differences from ${groups[0].name}. Green is better and red worse, where the difference is beyond the spread over seeds.`,
      table(columns, figures, { fixed: true, label: "Figures side by side" }));
  }

  function over(id, title, note, field, options) {
    const present = groups.map((group, index) => ({ name: group.name, colour: tone(index), hours: group.time_h.slice(0, group[field].length), values: group[field] }))
      .filter((one) => one.values.length > 0);
    if (present.length === 0) return null;
    return section(id, title, note, Charts.timeLines(present[0].hours, present, { label: title, ...options }));
  }
  function curves(id, title, note, field, options) {
    const present = groups.map((group, index) => ({ name: group.name, colour: tone(index), quantiles: group[field] })).filter((one) => one.quantiles.length > 0);
    if (present.length === 0) return null;
    return section(id, title, note, Charts.cumulative(present, quantiles, { label: title, ...options }));
  }

  function ledger() {
    const names = [...new Set(groups.flatMap((group) => group.ledger.map((line) => line.category)))];
    const of = (group, name) => (group.ledger.find((line) => line.category === name) || { percent: 0 }).percent;
    return section("ledger", "Where the accelerators were", "Percent of capacity × time, by category.",
      Charts.bars(groups.map((group) => group.name), Ledger.ordered(names, (name) => name).filter((name) => groups.some((group) => of(group, name) > 0))
        .map((name) => ({ name: Ledger.title(name), about: Ledger.about(name), colour: Ledger.colour(name), values: groups.map((group) => of(group, name)) })),
        { label: "Ledger of each setup", max: 100, show: (value) => `${F.decimals(value, 2)} %`, tick: (value) => `${value} %` }));
  }

  const pair = (...parts) => element("div", { className: "pair" }, ...parts.filter(Boolean));
  const times = { show: F.seconds, floor: 1, floorText: "≤ 1 s", times: true };
  page.replaceChildren(...[
    element("div", { className: "head" }, element("div", {}, element("h1", {}, "Simulations compared"),
      element("div", { className: "quiet" }, `${groups.length} setups, ${F.count(groups.reduce((sum, group) => sum + group.seeds.length, 0))} runs`)), Charts.themeButton()),
    ...notes.map((note) => element("p", { className: "notice" }, note)),
    section("setups", "Setups", "", table([
      { title: "Name", text: true, value: (group) => group.name },
      { title: "What was run", text: true, value: (group) => group.setup },
      { title: "Runs", value: (group) => group.seeds.length },
      { title: "Seeds", text: true, value: (group) => group.seeds.join(", ") },
    ], groups, { fixed: true, label: "Setups" })),
    figuresTable(), ledger(),
    pair(over("utilisation", "Utilisation", "Accelerators given to jobs; mean over the seeds.", "utilisation_percent", { show: F.percent, max: 100 }),
      over("queue", "Jobs waiting", "Mean over the seeds.", "jobs_waiting", { show: F.compact })),
    pair(curves("waits", "Waits", "So many percent of the jobs waited at most so long.", "wait_quantiles", times),
      curves("slowdowns", "Slowdowns", "(Wait + run) / run.", "slowdown_quantiles", { show: F.times, floor: 1 })),
    pair(curves("turnarounds", "Turnarounds", "From submission to the end.", "turnaround_quantiles", times),
      over("fragmentation", "Fragmentation", "Of the free accelerators, on nodes that are not entirely free.", "fragmentation_percent", { show: F.percent })),
    over("power", "Power", "IT load of all sites.", "power_mw", { show: F.power }),
  ].filter(Boolean));
})();
