// report.html: one run, from the RunReport that stands in the page as JSON (src/twin/run_report.h
// says what each field is).
"use strict";

(() => {
  const { element, section, tile, facts, picker, table } = Elements;
  const F = Format;
  const { report, quantiles } = JSON.parse(document.getElementById("data").textContent);
  const { setup, jobs, reliability, speed } = report;
  const hours = report.time_h;
  const page = document.getElementById("page");
  const at = (distribution, share) => distribution && distribution.count ? distribution.quantiles[quantiles.indexOf(share)] : undefined;
  const all = (list) => list.find((one) => one.name === "all") || list[0];
  const shown = (value, show) => (value === undefined ? "–" : show(value));
  const stopped = setup.days + 1e-9 < setup.days_wanted;
  const sum = (list, of) => list.reduce((total, one) => total + of(one), 0);
  const days = (value) => F.short(F.figure(value));

  function head() {
    const parts = [
      element("div", { className: "head" },
        element("div", {}, element("h1", {}, `${setup.fleet}, ${setup.workload}`),
          element("div", { className: "quiet" }, `${days(setup.days)} days simulated: ${F.counted(setup.accelerators, "accelerator")} in ${F.counted(setup.nodes, "node")} at ${F.counted(setup.sites, "site")}`)),
        Charts.themeButton()),
    ];
    if (stopped) parts.push(element("p", { className: "notice", role: "note" },
      element("strong", {}, "This run was stopped. "),
      `${F.figure(setup.days)} of ${days(setup.days_wanted)} days were simulated; everything below is about those.`));
    parts.push(facts([["Fleet", setup.fleet], ["Workload", setup.workload], ["Policy", setup.policy],
      ["Faults", setup.faults || "none"], ["Seed", String(setup.seed), "The same seed gives the same run, bit for bit"],
      ["Days", stopped ? `${F.figure(setup.days)} of ${days(setup.days_wanted)}` : `${days(setup.days)}, complete`],
      ["Millwright", setup.version]]));
    return parts;
  }

  function tiles() {
    const waits = all(report.waits);
    const mean = hours.length ? sum(report.sites, (site) => sum(site.power_mw, (mw) => mw)) / hours.length : 0;
    const ended = jobs.succeeded + jobs.failed + jobs.cancelled + jobs.timed_out;
    return element("div", { className: "tiles" },
      tile("Utilisation", F.percent(report.utilisation_percent), "of capacity × time", "Given to jobs, of all accelerators and all the time"),
      tile("Goodput", F.percent(reliability.goodput_percent), "of what jobs were given", "Productive accelerator-time, of what was given to jobs"),
      tile("ETTR", F.percent(reliability.ettr_percent), "effective training time", "Productive time, of time given to jobs and waiting to start again"),
      tile("Median wait", shown(at(waits, 0.5), F.seconds), waits ? `mean ${F.seconds(waits.mean)}` : ""),
      tile("Wait, p90", shown(at(waits, 0.9), F.seconds), `p99 ${shown(at(waits, 0.99), F.seconds)}`),
      tile("Jobs", F.compact(jobs.submitted), `${F.compact(ended)} ended`, `${F.count(jobs.submitted)} submitted`),
      tile("Energy", F.energy(report.energy_mwh), mean ? `mean IT load ${F.power(mean)}` : "", "At the meter, PUE included"),
      tile("Cost of energy", F.money(report.cost_usd), report.energy_mwh ? `${F.money(report.cost_usd / report.energy_mwh)} per MWh` : "", `$${F.count(report.cost_usd)}`),
      tile("Carbon", `${F.carbon(report.carbon_t)}`, report.energy_mwh ? `${F.count((1000 * report.carbon_t) / report.energy_mwh)} g CO₂ per kWh` : "CO₂"));
  }

  function ledger() {
    const lines = Ledger.ordered(report.ledger, (line) => line.category);
    const series = Ledger.ordered(report.ledger_series, (one) => one.name).filter((one) => one.values.some((value) => value > 0));
    return section("ledger", "Where the accelerators were", "Each accelerator is at each instant in exactly one category; mean over each interval.",
      Charts.stackedAreas(hours, series.map((one) => ({ name: Ledger.title(one.name), about: Ledger.about(one.name), colour: Ledger.colour(one.name), values: one.values })),
        { label: "Accelerators by category over time, stacked", size: "tall", total: setup.accelerators || undefined, tick: F.compact,
          show: (value) => `${F.count(value)} (${F.percent((100 * value) / setup.accelerators)})` }),
      table([
        { title: "Category", text: true, value: (line) => Ledger.title(line.category), show: (title, line) => {
          const swatch = element("span", { className: "swatch" });
          swatch.style.background = Charts.colour(Ledger.colour(line.category));
          return element("span", {}, swatch, ` ${title}`);
        } },
        { title: "Accelerator-hours", value: (line) => line.accelerator_hours, show: F.count },
        { title: "Share", value: (line) => line.percent, show: (value) => `${F.decimals(value, 2)} %`, share: true },
        { title: "Meaning", text: true, aside: true, value: (line) => Ledger.about(line.category) },
      ], lines, { label: "Ledger" }));
  }

  function queue() {
    const isJobs = (one) => one.name.startsWith("jobs");
    const tones = (list) => list.map((one, index) => ({ name: Ledger.plain(one.name), colour: one.name.includes("running") ? "blue" : Charts.numbered(index + 1), values: one.values, filled: list.length === 1 }));
    const counts = report.queue_series.filter(isJobs);
    const wanted = report.queue_series.filter((one) => !isJobs(one));
    return element("div", { className: "pair", id: "queue" },
      section("", "Jobs", "Waiting and running, over time.",
        Charts.timeLines(hours, tones(counts), { label: "Jobs waiting and running over time", show: F.count, tick: F.compact })),
      section("", "Demand that waits", "Accelerators that the waiting jobs ask for.",
        Charts.timeLines(hours, tones(wanted), { label: "Accelerators waited for over time", show: F.count, tick: F.compact, legend: wanted.length > 1 })));
  }

  function distribution(title, note, list, options) {
    const curves = list.filter((one) => one.count > 0);
    const shares = [0.5, 0.9, 0.95, 0.99, 0.999, 1];
    const columns = [
      { title: "Accelerators", text: true, value: (one) => one.name.replace(/ accelerators?$/, ""), about: "That the jobs asked for" },
      { title: "Count", value: (one) => one.count, show: F.count },
      { title: "Mean", value: (one) => one.mean, show: options.show },
      ...shares.map((share) => ({ title: share === 1 ? "Most" : share === 0.5 ? "Median" : `p${F.short(F.figure(100 * share))}`,
        value: (one) => at(one, share), show: options.show })),
    ];
    return section(options.id, title, note,
      curves.length === 0 ? element("p", { className: "quiet" }, "No job came so far.")
        : element("div", { className: "split" },
          Charts.cumulative(curves.map((one, index) => ({ name: one.name, colour: one.name === "all" ? "black" : Charts.numbered(index - 1 + (curves[0].name === "all" ? 0 : 1)), quantiles: one.quantiles })),
            quantiles, { label: `${title}: share of jobs at most so long`, ...options }),
          table(columns, curves, { fixed: true, label: title })));
  }

  function fragmentation() {
    if (report.fragmentation.values.length === 0) return null;
    return section("fragmentation", "Fragmentation", "Of the free accelerators, the share on nodes that are not entirely free.",
      Charts.timeLines(hours, [{ name: "Fragmentation", colour: "red", values: report.fragmentation.values, filled: true }],
        { label: "Fragmentation over time", show: F.percent, legend: false }));
  }

  const load = (site) => (site.limit_mw > 0 ? site.peak_mw / site.limit_mw : 0);

  function power() {
    const sites = report.sites.filter((site) => site.power_mw.length > 0)
      .sort((a, b) => load(b) - load(a) || b.peak_mw - a.peak_mw);
    if (sites.length === 0) return null;
    const first = 12;
    const grid = element("div", { className: "multiples" });
    const multiple = (site) => {
      const share = load(site);
      const series = [{ name: "IT load", colour: "blue", values: site.power_mw, filled: true }];
      if (site.limit_mw > 0) series.push({ name: "Limit", colour: "red", dashed: true, values: site.power_mw.map(() => site.limit_mw) });
      return element("div", {}, element("div", { className: "between" }, element("h3", { title: site.name }, site.name),
        element("span", { className: share > 1 ? "small over" : "small quiet" },
          site.limit_mw > 0 ? `peak ${F.percent(100 * share)} of ${F.power(site.limit_mw)}` : `peak ${F.power(site.peak_mw)}, no limit`)),
        Charts.timeLines(hours, series, { label: `Power of ${site.name} over time`, size: "small", legend: false, show: F.power, ticks: 4 }));
    };
    grid.append(...sites.slice(0, first).map(multiple));
    const rest = sites.slice(first);
    const more = element("button", { type: "button", className: "more", onclick: () => { grid.append(...rest.map(multiple)); more.remove(); } },
      `Show the other ${rest.length} sites`);
    return section("power", "Power by site", "IT load over time against the site's limit (dashed); the fullest sites first.", grid, rest.length ? more : null);
  }

  function sites() {
    if (report.sites.length === 0) return null;
    const kinds = { energy: ["Energy", (site) => site.energy_mwh, F.energy, "blue"], cost: ["Cost", (site) => site.cost_usd, F.money, "teal"], carbon: ["Carbon", (site) => site.carbon_t, F.carbon, "brown"] };
    const place = element("div");
    const choose = (key) => {
      const [name, of, show, tone] = kinds[key];
      const order = [...report.sites].sort((a, b) => of(b) - of(a)).slice(0, 20);
      place.replaceChildren(Charts.bars(order.map((site) => site.name), [{ name, colour: tone, values: order.map(of) }], { label: `${name} by site`, show }));
    };
    choose("energy");
    const made = section("sites", "Energy, cost and carbon by site", report.sites.length > 20 ? "The bars show the largest 20; energy at the meter, PUE included." : "Energy at the meter, PUE included.",
      element("div", { className: "split wide" }, place, table([
        { title: "Site", text: true, value: (site) => site.name },
        { title: "Accelerators", value: (site) => site.accelerators, show: F.count },
        { title: "Peak", value: (site) => site.peak_mw, show: F.power },
        { title: "of limit", value: load, show: (share, site) => (site.limit_mw > 0 ? F.percent(100 * share) : "–"), tone: (share) => (share > 1 ? "bad" : "") },
        { title: "Goodput", value: (site) => site.goodput_percent, show: F.percent, about: "Productive time, of time given to jobs" },
        { title: "MTTF", value: (site) => site.mttf_node_days, show: (days) => (days > 0 ? `${F.count(days)} d` : "–"), about: "Days of service of a node between two failures" },
        { title: "MTTR", value: (site) => site.mttr_node_hours, show: (hours) => (hours > 0 ? F.hours(hours) : "–"), about: "Out of service by one failure, in the mean" },
        { title: "Energy", value: (site) => site.energy_mwh, show: F.energy },
        { title: "Cost", value: (site) => site.cost_usd, show: F.money },
        { title: "CO₂", value: (site) => site.carbon_t, show: F.carbon },
        { title: "$/MWh", value: (site) => (site.energy_mwh ? site.cost_usd / site.energy_mwh : 0), show: (value) => F.decimals(value, 1) },
        { title: "g/kWh", value: (site) => (site.energy_mwh ? (1000 * site.carbon_t) / site.energy_mwh : 0), show: F.count },
      ], report.sites, { sort: 7, high: true, label: "Sites" })));
    made.querySelector("header").append(picker("What the bars show", Object.entries(kinds).map(([key, [name]]) => [key, name]), "energy", choose));
    return made;
  }

  function tenants() {
    if (report.tenants.length === 0) return null;
    return section("tenants", "Tenants", "Press a column's title to sort by it.", table([
      { title: "Tenant", text: true, value: (one) => one.name },
      { title: "Jobs", value: (one) => one.jobs, show: F.count },
      { title: "Productive", value: (one) => one.productive_hours, show: F.hours, share: true, about: "Accelerator-hours" },
      { title: "Lost", value: (one) => one.lost_hours, show: F.hours, about: "Accelerator-hours of lost work" },
      { title: "Lost share", value: (one) => (one.lost_hours ? (100 * one.lost_hours) / (one.lost_hours + one.productive_hours) : 0), show: F.percent },
      { title: "ETTR", value: (one) => one.ettr_percent, show: F.percent, about: "Productive time, of time given to jobs and waiting to start again" },
      { title: "MTTF", value: (one) => one.mttf_hours, show: (hours) => (hours > 0 ? F.hours(hours) : "–"), about: "Running time between two interruptions" },
      { title: "MTTR", value: (one) => one.mttr_hours, show: (hours) => (hours > 0 ? F.hours(hours) : "–"), about: "From one until the job runs again" },
      { title: "Mean wait", value: (one) => one.wait_mean_s, show: F.seconds, share: true },
      { title: "p90 wait", value: (one) => one.wait_p90_s, show: F.seconds },
      { title: "Energy", value: (one) => one.energy_mwh, show: F.energy },
      { title: "Cost", value: (one) => one.cost_usd, show: F.money },
      { title: "CO₂", value: (one) => one.carbon_t, show: F.carbon },
    ], report.tenants, { sort: 2, high: report.tenants.length > 14, label: "Tenants" }));
  }

  function outcomes() {
    const kinds = [["Succeeded", jobs.succeeded, "blue"], ["Failed", jobs.failed, "red"], ["Timed out", jobs.timed_out, "amber"],
      ["Cancelled", jobs.cancelled, "mid"], ["Refused", jobs.refused, "black"], ["Running at the end", jobs.running, "teal"], ["Waiting at the end", jobs.waiting, "purple"]];
    const total = sum(kinds, ([, value]) => value) || 1;
    const bar = element("div", { className: "outcomes", "aria-hidden": "true" });
    const swatch = (tone) => { const made = element("span", { className: "swatch" }); made.style.background = Charts.colour(tone); return made; };
    for (const [name, value, tone] of kinds) {
      if (value === 0) continue;
      const part = element("span", { title: `${name}: ${F.count(value)}` });
      part.style.cssText = `width: ${(100 * value) / total}%; background: ${Charts.colour(tone)}`;
      bar.append(part);
    }
    return section("", "Jobs by outcome", `${F.count(jobs.submitted)} submitted, ${F.count(jobs.started)} started in ${F.count(jobs.attempts)} attempts, ${F.count(jobs.preempted)} of them preempted.`, bar,
      table([
        { title: "Outcome", text: true, value: ([name]) => name, show: (name, [, , tone]) => element("span", {}, swatch(tone), ` ${name}`) },
        { title: "Jobs", value: ([, value]) => value, show: F.count },
        { title: "Share", value: ([, value]) => (100 * value) / total, show: (value) => `${F.decimals(value, 2)} %` },
      ], kinds.filter(([, value]) => value > 0), { fixed: true, label: "Jobs by outcome" }));
  }

  function causes() {
    const about = [`${F.counted(reliability.faults, "fault")} in the fleet`];
    if (reliability.mttf_node_days > 0) about.push(`a node fails once in ${F.count(reliability.mttf_node_days)} days of service, and is back after ${F.hours(reliability.mttr_node_hours)}`);
    if (reliability.incidents > 0) about.push(F.counted(reliability.incidents, "incident"));
    if (reliability.breakers_reset > 0) about.push(`people reset ${F.counted(reliability.breakers_reset, "breaker")}`);
    if (reliability.nodes_put_back > 0) about.push(`people put ${F.counted(reliability.nodes_put_back, "node")} back`);
    return section("", "How attempts ended", `${about.join("; ")}.`,
      reliability.ends.length === 0 ? element("p", { className: "quiet" }, "No attempt has ended.")
        : table([
          { title: "Cause", text: true, value: (one) => Ledger.plain(one.cause) },
          { title: "Attempts", value: (one) => one.attempts, show: F.count },
          { title: "Lost work", value: (one) => one.lost_hours, show: F.hours, share: true, about: "Accelerator-hours" },
          { title: "an attempt", value: (one) => (one.attempts ? one.lost_hours / one.attempts : 0), show: F.hours, about: "Accelerator-hours lost by one attempt" },
        ], reliability.ends, { sort: 2, label: "Ends by cause" }));
  }

  function losses() {
    if (report.losses.length === 0) return null;
    return section("", "Where most work was lost", "The ten racks, nodes and jobs that had to do most again.", table([
      { title: "What", text: true, value: (one) => one.what },
      { title: "Name", text: true, value: (one) => one.name },
      { title: "Lost work", value: (one) => one.lost_hours, show: F.hours, share: true, about: "Accelerator-hours" },
      { title: "Goodput", value: (one) => one.goodput_percent, show: F.percent, about: "Productive time, of time given to jobs" },
      { title: "Interruptions", value: (one) => one.interruptions, show: F.count },
      { title: "Failures", value: (one) => one.node_failures, show: (count, one) => (one.what === "job" ? "–" : F.count(count)), about: "Of nodes" },
    ], report.losses, { sort: 2, high: true, label: "Where most work was lost" }));
  }

  function simulation() {
    return section("speed", "The simulation itself", "", facts([
      ["Events of the world", F.count(speed.world_events)], ["Events of the brain", F.count(speed.core_events)],
      ["Took", F.seconds(speed.wall_s)], ["Events a second", F.count(speed.events_per_s)],
      ["Faster than real time", speed.realtime_factor ? `${F.compact(speed.realtime_factor)} times` : ""]]));
  }

  const links = [["ledger", "Ledger"], ["queue", "Queue"], ["waits", "Waits"], ["fragmentation", "Fragmentation"], ["power", "Power"], ["sites", "Sites"], ["tenants", "Tenants"], ["ends", "Ends"], ["speed", "Speed"]];
  const draw = () => [
    ...head(), null, tiles(), ledger(), queue(),
    distribution("Waits", "From submission to the first start: so many percent of the jobs waited at most so long.", report.waits, { id: "waits", show: F.seconds, floor: 1, floorText: "≤ 1 s", times: true }),
    distribution("Slowdowns", "(Wait + run) / run, with a run of at least 10 s: 1× did not wait.", report.slowdowns, { id: "slowdowns", show: F.times, floor: 1 }),
    distribution("Turnarounds", "From submission to the end, of the jobs that have ended.", report.turnarounds, { id: "turnarounds", show: F.seconds, floor: 1, floorText: "≤ 1 s", times: true }),
    fragmentation(), power(), sites(), tenants(),
    element("div", { className: "pair", id: "ends" }, outcomes(), causes()), losses(), simulation(),
    element("footer", {}, element("span", {}, `Millwright ${setup.version}`), element("span", {}, "The figures: summary.json, ledger.csv, jobs.csv beside this file.")),
  ];
  const parts = draw();
  const present = new Set(parts.filter(Boolean).map((part) => part.id));
  parts[parts.indexOf(null)] = element("nav", { "aria-label": "Sections" }, ...links.filter(([id]) => present.has(id)).map(([id, name]) => element("a", { href: `#${id}` }, name)));
  page.replaceChildren(...parts.filter(Boolean));
})();
