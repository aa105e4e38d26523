// Policies that are tried out beside a call.
#pragma once
#include <deque>
#include <memory>
#include <string>

#include "platform/async/cancellation.h"
#include "platform/async/runtime.h"
#include "platform/async/task.h"
#include "safety/policy/internal/call_texts.h"
#include "safety/policy/internal/plugged.h"
#include "safety/policy/keys.h"

namespace fairlead::policy {

// What policies would do that are tried out. Looks at the texts of a call beside it, and writes nothing there.
struct Trial {
  const std::shared_ptr<const Rules> rules;
  const std::shared_ptr<const CallTexts> texts;  // they stay as they are
  const std::string project;
  const std::shared_ptr<const Keys> key;
  const Clock& clock;
  async::BlockingPool& pool;
  const SteadyTime deadline;
  async::Cancellation ends{};  // who has not answered by then is not waited for

  std::deque<TextJob> jobs{};
  Answers answers{};
  Outcome outcome{};
  bool all_seen = true;

  void look();
  void treat();
  // Once it is over, for the call's record: JSON.
  std::string record() const;
};

// On the loop, behind what the call does next; the call's account is that key.
async::Task<void> try_out(std::shared_ptr<Trial> trial, async::Loop& loop, std::string key_id, std::string key_name);

}  // namespace fairlead::policy
