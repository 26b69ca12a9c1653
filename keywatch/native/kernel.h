/*
 * What every C file here begins with.
 *
 * The object is built with hidden visibility: KW_EXPORT is what Python may call. Each such function is named
 * kw_<what>, takes pointers and sizes, returns a count or a negative error, reads and writes nothing that it was not
 * given, and keeps nothing: it may be called from any thread, and ctypes lets the others run meanwhile.
 */
#ifndef KEYWATCH_KERNEL_H
#define KEYWATCH_KERNEL_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* What is returned where it cannot go on. */
enum { DAMAGED = -1, NO_ROOM = -2 };

#define KW_EXPORT __attribute__((visibility("default")))

#endif
