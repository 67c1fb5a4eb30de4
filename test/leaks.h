/* For programs that draw PNGs, in one of their files: what the leak checker should pass over. Fontconfig keeps what it has read of the
 * machine's fonts in a cache of each thread and does not give it back when the process ends. */
#ifndef HL_TEST_LEAKS_H
#define HL_TEST_LEAKS_H

const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) { return "leak:libfontconfig\n"; }

#endif
