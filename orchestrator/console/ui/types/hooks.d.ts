// What we use of the vendored module.
type Clean = void | (() => void);
export function useEffect(effect: () => Clean, of?: any[]): void;
export function useLayoutEffect(effect: () => Clean, of?: any[]): void;
export function useMemo<T>(make: () => T, of: any[]): T;
export function useCallback<F extends Function>(f: F, of: any[]): F;
export function useRef<T = any>(first: T): { current: T };
export function useState<T = any>(first?: T | (() => T)): [T, (next: T | ((before: T) => T)) => void];
