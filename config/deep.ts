/** Frozen all the way down, as a loaded configuration is. */
export type Deep<T> = T extends object ? { readonly [K in keyof T]: Deep<T[K]> } : T;
