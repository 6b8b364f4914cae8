/** The version of the package, which is that of the program. */
export const VERSION = "0.1.0";
