// Figures as people read them: with a unit, thousands divided by commas, three digits that count.
// Pure functions: the same figure gives the same text in every browser and language.
"use strict";

const Format = (() => {
  const grouped = (digits) =>
    new Intl.NumberFormat("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  const byDigits = [0, 1, 2, 3, 4].map(grouped);
  const decimals = (value, digits) => byDigits[digits].format(value === 0 ? 0 : value);

  /** Three digits that count, and all of those before the point. */
  function figure(value) {
    const size = Math.abs(value);
    if (size === 0) return "0";
    return decimals(value, size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : 4);
  }

  /** The largest step of `steps` ([size, unit], falling) that `value` reaches. */
  function stepped(value, steps) {
    const size = Math.abs(value);
    const [unit, name] = steps.find(([at]) => size >= at) || steps[steps.length - 1];
    return `${size === 0 ? "0" : figure(value / unit)} ${name}`;
  }

  const count = (value) => decimals(value, 0);
  const compact = (value) =>
    Math.abs(value) < 10000 ? (Number.isInteger(value) ? count(value) : figure(value))
      : stepped(value, [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]]);
  const percent = (value) => `${decimals(value, Math.abs(value) >= 100 ? 0 : 1)} %`;
  /** Days only from two on: "36 h" says more than "1.5 d". */
  function seconds(value) {
    if (value > 0 && value < 0.1) return `${figure(value * 1000)} ms`;
    if (Math.abs(value) >= 172800) return `${figure(value / 86400)} d`;
    return stepped(value, [[3600, "h"], [60, "min"], [1, "s"]]);
  }
  const hours = (value) => `${compact(value)} h`;
  const energy = (mwh) => stepped(mwh, [[1e6, "TWh"], [1e3, "GWh"], [1, "MWh"], [1e-3, "kWh"]]);
  const power = (mw) => stepped(mw, [[1e3, "GW"], [1, "MW"], [1e-3, "kW"], [1e-6, "W"]]);
  const carbon = (t) => stepped(t, [[1e6, "Mt"], [1e3, "kt"], [1, "t"], [1e-3, "kg"]]);
  const money = (usd) =>
    Math.abs(usd) < 10000 ? `$${decimals(usd, Math.abs(usd) < 100 ? 2 : 0)}`
      : `$${stepped(usd, [[1e9, "bn"], [1e6, "M"], [1e3, "k"]])}`;
  const times = (value) => `${figure(value)}×`;
  /** Hours since the beginning: "day 3, 14:30". */
  function moment(hour) {
    const minutes = Math.round(hour * 60);
    const clock = minutes % 1440;
    const two = (number) => String(number).padStart(2, "0");
    return `day ${Math.floor(minutes / 1440) + 1}, ${two(Math.floor(clock / 60))}:${two(clock % 60)}`;
  }
  /** Without zeros that say nothing: for the marks of an axis. */
  const short = (text) => text.replace(/(\.\d*?)0+(?!\d)/, "$1").replace(/\.(?!\d)/, "");
  /** "1 accelerator", "2 accelerators". */
  const counted = (value, one) => `${count(value)} ${one}${value === 1 ? "" : "s"}`;

  return { count, compact, figure, percent, seconds, hours, energy, power, carbon, money, times,
           moment, counted, decimals, short };
})();
