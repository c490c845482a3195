// How often a step is tried, by its definition. Pure.
import { nodeKey } from "./trace.js";

/**
 * limits says how many attempts each direction of each step has.
 * @param {{steps: {name: string, retry: {attempts: number}, compensation?: {retry: {attempts: number}}}[]}|undefined} definition
 * @returns {Map<string, number>} by the node's key; empty where the definition is not known
 */
export function limits(definition) {
  const found = new Map();
  for (const step of definition?.steps ?? []) {
    found.set(nodeKey(step.name, "do"), step.retry.attempts);
    if (step.compensation) found.set(nodeKey(step.name, "undo"), step.compensation.retry.attempts);
  }
  return found;
}

/**
 * nth writes an attempt's number, and of how many: what a person asked for comes
 * on top of the policy, and is one of none.
 * @param {number} number @param {number} [most]
 */
export const nth = (number, most) => (most && number <= most ? `${number} of ${most}` : String(number));
