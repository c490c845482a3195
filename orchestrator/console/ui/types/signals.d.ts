// What we use of the vendored module.
export interface Signal<T> { value: T }
export function signal<T = any>(first: T): Signal<T>;
export function computed<T>(make: () => T): { readonly value: T };
export function effect(run: () => void | (() => void)): () => void;
export function batch<T>(run: () => T): T;
