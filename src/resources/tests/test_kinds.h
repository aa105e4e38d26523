// Kinds small enough to see through: a provider, a model that needs one, and a prompt that needs a model.
#pragma once
#include <string>
#include <vector>

#include "access/audit.h"
#include "base/clock.h"
#include "platform/async/runtime.h"
#include "platform/async/tests/wait_for.h"
#include "platform/http/tests/harness.h"
#include "platform/store/database.h"
#include "resources/service.h"

namespace fairlead::resources {

inline const access::Actor kMaria{"maria", "key_1"};

std::vector<Kind> test_kinds();

std::string provider_yaml(const std::string& name);
std::string model_yaml(const std::string& name, const std::string& provider);
// A prompt with one system message.
std::string prompt_yaml(const std::string& name, const std::string& text, const std::string& header = "");

// A service over a store in a folder of its own.
struct TestService {
  TestService();
  ChangeSet apply(const Files& files, const std::string& message = "");
  // The faults as the command line shows them, joined by newlines.
  std::string faults(const Files& files);
  Project project() { return service->load_blocking("bank").value(); }

  http::ScratchFolder folder;
  async::BlockingPool pool{2};
  ManualClock clock;
  std::unique_ptr<store::Database> database;
  std::unique_ptr<ResourceService> service;
};

std::vector<store::Migration> all_migrations();

using async::wait_for;

}  // namespace fairlead::resources
