// What SharedAnswers asks Redis, each as one step there.
#pragma once
#include "platform/shared/redis.h"

namespace fairlead::gateway::cache {

// Each project has a hash of tokens, one for each selection that may be cleared (all; a prompt's; a model's; both).
// An answer begins with the four that were in force: its stamp. Clearing puts another token in the place of one, so
// that all with the former are as if they were not there, those that are still being made too.

// TOKENS FRESH PLACE F1 F2 F3 F4 → {stamp[, milliseconds left, what is at PLACE after its stamp]}; an empty PLACE asks
// for the stamp alone. Tokens that are missing are made of FRESH.
extern const shared::Script kGet;
// TOKENS STAMP PLACE MILLISECONDS VALUE F1 F2 F3 F4 → whether it was put: not if the stamp is no longer in force.
extern const shared::Script kPut;
// TOKENS FRESH FIELD LOG NODE PROJECT PROMPT MODEL → the token that was in force, or an empty text.
extern const shared::Script kClear;
// CURSOR PATTERN TOKEN → {next cursor, answers removed}: a part of those whose stamp has that token.
extern const shared::Script kSweep;
// LOG LAST → {"lost", last} or {"", {{node, project, prompt, model}…}, last}: what was cleared after LAST. Lost: it
// cannot be known, as after a loss of data or with an empty LAST.
extern const shared::Script kCleared;

}  // namespace fairlead::gateway::cache
