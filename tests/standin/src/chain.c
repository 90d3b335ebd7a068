/* The chain that a tampered-looking resolver walks: eight functions with the resolver, relay and leaf.
 *
 * Each step writes into this file's own array or into what its caller gave it, through a pointer that is computed at run
 * time: base plus a distance read from constant data, so that no instruction names the address that is written. */
#include "standin.h"

static u64 notes[16]; /* everything the chain writes */
static u32 turns;     /* how often the gate was passed */

/* In constant data and volatile: no compiler may fold the sum in standin_pick into an address. */
static const volatile long distance[2] = {4 * sizeof(u64), -4 * (long)sizeof(u64)};

APART u64 *standin_pick(u32 n) {
  char *middle = (char *)&notes[8];
  return (u64 *)(middle + distance[n & 1]);
}

APART u32 standin_mark(u64 *at, u64 what) {
  at[0] = what;
  at[1] += 1;
  return (u32)what ^ (u32)at[1];
}

HIDDEN APART u32 standin_stage(u32 leaf, u64 *frame) {
  u64 *at = standin_pick(leaf);
  u32 seen = standin_mark(at, leaf);
  frame[0] = seen;
  return seen ^ standin_relay(leaf, at + 2);
}

HIDDEN APART u32 standin_gate(u32 leaf, u64 *frame) {
  turns += 1;
  u32 seen = standin_stage(leaf, frame);
  return seen + turns;
}

APART u32 standin_features(u32 leaf, u32 *a, u32 *b, u32 *c, u32 *d, u64 *frame) {
  u32 seen = standin_gate(leaf, frame);
  *a = leaf;
  *b = seen;
  *c = (u32)frame[0];
  *d = seen | 1;
  return seen | 1;
}
