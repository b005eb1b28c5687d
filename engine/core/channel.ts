/** A bounded queue between two loops of one process: `put` waits while it is full, `take` while it is empty. */
export interface Channel<T> {
  put(value: T): Promise<void>;
  /** Undefined after `close`, when everything was taken. Throws what `fail` was given. */
  take(): Promise<T | undefined>;
  close(): void;
  fail(error: unknown): void;
}

export function createChannel<T>(capacity: number): Channel<T> {
  const values: T[] = [];
  let ended: { error?: unknown } | undefined;
  let wake: (() => void)[] = [];
  const changed = (): void => {
    const waiting = wake;
    wake = [];
    for (const each of waiting) each();
  };
  const change = (): Promise<void> => new Promise((resolve) => wake.push(resolve));
  return {
    async put(value) {
      while (values.length >= capacity && ended === undefined) await change();
      if (ended !== undefined) return; // nobody will take it any more
      values.push(value);
      changed();
    },
    async take() {
      for (;;) {
        if (ended !== undefined && 'error' in ended) throw ended.error;
        if (values.length > 0) {
          const value = values.shift() as T;
          changed();
          return value;
        }
        if (ended !== undefined) return undefined;
        await change();
      }
    },
    close() {
      ended ??= {};
      changed();
    },
    fail(error) {
      ended = { error };
      changed();
    },
  };
}
