// The categories of the ledger: what they are called, what they mean and their colour, which is the
// same in every chart of every page. The lowest in a stack comes first.
"use strict";

const Ledger = (() => {
  const CATEGORIES = {
    productive: ["Productive", "blue", "Attempts run, and what they did was kept"],
    starting: ["Starting", "sky", "Placed, but not every task runs yet"],
    checkpointing: ["Checkpointing", "teal", "Running, and saving a checkpoint"],
    lost_work: ["Lost work", "red", "Done, lost with a failure or a preemption, and done again"],
    held: ["Held", "purple", "Kept free for a job that is about to start again"],
    idle_shape: ["Idle: no fit", "yellow", "Free, and something waits, but no placement fits it"],
    idle_quota: ["Idle: quota or policy", "amber", "Free, and what waits may not use it"],
    idle_power: ["Idle: power", "amber", "Free, and there is no power to run what waits"],
    idle_no_demand: ["Idle: no demand", "grey", "Free, and nothing waits that could be started"],
    draining: ["Draining", "brown", "Free on a node that takes no new work"],
    validating: ["Validating", "brown", "Being tested"],
    repairing: ["Repairing", "mid", "Out of service until it is repaired"],
    quarantined: ["Quarantined", "mid", "Out of service until somebody decides, or for good"],
    used_by_others: ["Used by others", "mid", "Taken by what is not ours to plan"],
    lost_contact: ["Lost contact", "black", "On a node that does not answer"],
  };
  const ORDER = Object.keys(CATEGORIES);

  const plain = (name) => { const text = name.replaceAll("_", " "); return text.charAt(0).toUpperCase() + text.slice(1); };
  const known = (name) => (Object.hasOwn(CATEGORIES, name) ? CATEGORIES[name] : [plain(name), "mid", ""]);
  const rank = (name) => (ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length);

  return {
    title: (name) => known(name)[0], colour: (name) => known(name)[1], about: (name) => known(name)[2],
    /** `list` from the bottom of the stack to its top; `nameOf` tells an element's category. */
    ordered: (list, nameOf) => [...list].sort((a, b) => rank(nameOf(a)) - rank(nameOf(b))),
    plain,
  };
})();
