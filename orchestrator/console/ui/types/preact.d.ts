// What we use of the vendored module.
export function render(what: any, where: Element): void;
export const Fragment: any;
