/* What a text goes through before it is looked at: see sieve.c. */
#ifndef KEYWATCH_SIEVE_H
#define KEYWATCH_SIEVE_H

#include <stdatomic.h>

#include "delta.h"

/* How a text was taken. */
enum { AS_TEXT = 0, AS_VERSION = 1 };

/* A piece that was taken out of a text. */
typedef struct {
    uint64_t at;    /* where it stands among what was taken out */
    uint64_t begin; /* where it stood in its text */
    uint64_t size;
} Run;

/* A name to remember, if nothing is sighted from `begin` up to before `end` of what was taken out. */
typedef struct {
    uint64_t name;
    uint64_t begin;
    uint64_t end;
} Claim;

/* As `State` in sieve.py has it, whose memory all of this is. */
typedef struct {
    uint64_t key[2];
    _Atomic uint64_t *names; /* of harmless parts; threads share them */
    uint64_t lines;          /* of so many names each as share a line of the processor's cache; a power of two */
    uint64_t mask;           /* how rare the ends of lines are at which a text is parted */
    uint8_t *text;           /* what was taken out */
    uint8_t *sighted;        /* as long: a byte is set where something was sighted */
    uint64_t room;
    uint64_t used;
    Run *runs;
    uint64_t run_room;
    uint64_t run_count;
    Claim *claims;
    uint64_t claim_room;
    uint64_t claim_count;
} Sieve;

KW_EXPORT int64_t kw_sieve_text(Sieve *sieve, const uint8_t *data, size_t size);
KW_EXPORT int64_t kw_sieve_version(
    Sieve *sieve, const uint8_t *delta, size_t delta_size, const uint8_t *made, size_t made_size);

#endif
