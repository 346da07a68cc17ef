/**
 * Which images are shown, and in which order: pure functions of rows (see model.js) at an epoch.
 *
 * With several series, an image is shown where any of them qualifies, and sorted by their mean.
 */

/** @type {Object<string, {name: string, of: function(object, number): (number|string|null)}>} */
export const SORTS = {
  place: { name: "Place", of: (row) => row.id },
  class: { name: "Class", of: (row) => row.className },
  confidence: { name: "Confidence", of: (row, epoch) => mean(looksAt(row, epoch).map((look) => look.confidence)) },
  trueConfidence: {
    name: "Confidence in the true class",
    of: (row, epoch) => mean(looksAt(row, epoch).map((look) => look.trueConfidence)),
  },
  drift: { name: "Drift", of: (row, epoch) => mean(looksAt(row, epoch).map((look) => look.drift)) },
  mass: { name: "Mass in the box", of: (row, epoch) => mean(looksAt(row, epoch).map((look) => look.mass)) },
  changes: {
    name: "Changes of right and wrong",
    of: (row, epoch) => mean(row.members.filter(Boolean).map((member) => changes(member, epoch))),
  },
};

/** @type {Object<string, {name: string, holds: function(object, number): boolean}>} */
export const VERDICTS = {
  all: { name: "Any verdict", holds: () => true },
  right: { name: "Right", holds: (member, epoch) => member.at(epoch)?.right === true },
  wrong: { name: "Wrong", holds: (member, epoch) => member.at(epoch)?.right === false },
  became: { name: "Became wrong", holds: becameWrong },
};

/** The rows that the state asks for, in its order. */
export function arrange(rows, state, epoch) {
  const found = rows.filter((row) => matches(row, state, epoch));
  return sorted(found, SORTS[state.sort].of, state.descending, epoch);
}

/** Whether an image is asked for. */
export function matches(row, state, epoch) {
  if (state.className !== "" && row.className !== state.className) return false;
  if (!row.className.toLowerCase().includes(state.text.trim().toLowerCase())) return false;
  const narrowed = state.verdict !== "all" || state.flagged;
  return !narrowed || row.members.some((member) => member !== null && qualifies(member, state, epoch));
}

/** Wrong at this epoch, and right at one before it. */
export function becameWrong(member, epoch) {
  if (member.at(epoch)?.right !== false) return false;
  return verdictsUntil(member, epoch).includes(true);
}

/** How often right became wrong or wrong right, until this epoch. */
export function changes(member, epoch) {
  const verdicts = verdictsUntil(member, epoch);
  return verdicts.filter((verdict, i) => i > 0 && verdict !== verdicts[i - 1]).length;
}

function qualifies(member, state, epoch) {
  if (state.flagged && !member.at(epoch)?.flag) return false;
  return VERDICTS[state.verdict].holds(member, epoch);
}

function verdictsUntil(member, epoch) {
  const looks = member.epochs.filter((other) => other <= epoch).map((other) => member.at(other));
  return looks.filter((look) => look !== null && look.right !== null).map((look) => look.right);
}

function looksAt(row, epoch) {
  return row.members.map((member) => member?.at(epoch) ?? null).filter((look) => look !== null);
}

function mean(values) {
  const known = values.filter((value) => value !== null && value !== undefined);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
}

/** What is not known comes last, either way; what is equal stays in the order of the data. */
function sorted(rows, of, descending, epoch) {
  const keyed = rows.map((row) => ({ row, key: of(row, epoch) }));
  const sign = descending ? -1 : 1;
  keyed.sort((a, b) => {
    if (a.key === null || b.key === null) return (a.key === null) - (b.key === null);
    if (typeof a.key === "string") return sign * a.key.localeCompare(b.key, "en", { numeric: true });
    return sign * (a.key - b.key);
  });
  return keyed.map(({ row }) => row);
}
