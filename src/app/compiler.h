// Compiles a project's resources into what calls are served from.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "gateway/routing/state.h"
#include "gateway/snapshot.h"
#include "models/kind.h"
#include "prompts/stage.h"
#include "resources/project.h"
#include "safety/policy/book.h"

namespace fairlead::app {

// A provider resource at work.
struct MadeProvider {
  std::string identity;  // whatever it was made from: two that are the same are one place and one account
  std::shared_ptr<llm::Provider> provider;  // null: it cannot be used
  std::string digest;                       // of its spec
  std::string fault;                        // why it cannot be used
};
using MadeProviders = std::map<std::string, MadeProvider, std::less<>>;  // by name

// A version, and what came of it.
struct CompiledVersion {
  std::shared_ptr<const resources::Version> source;
  std::shared_ptr<const prompts::ReadPrompt> read;  // of a prompt whose text can be read
  std::shared_ptr<prompts::Prompt> stage;           // of a prompt that can be served
  std::shared_ptr<const gateway::Target> target;
};

struct CompiledProject {
  gateway::Project project{""};
  std::vector<models::LocalFile> wanted;   // of the local models
  std::shared_ptr<policy::Book> policies;  // null: it has none
  std::optional<Error> fault;              // a prompt with a label cannot take what it includes
  // By kind and name, then by number: what the next compile may take over.
  std::map<std::pair<std::string, std::string>, std::map<int, CompiledVersion>> versions;
};

struct CompilerParts {
  gateway::routing::Registry& routing;
  const Clock& clock;
  // What makes a call of that version of a chain; empty: chains cannot be called.
  std::function<std::shared_ptr<llm::Stage>(const resources::Version& version)> chain_stage{};
  const policy::GuardParts* privacy = nullptr;  // what policies need at work; null: there are none
  // The versions of the project's secrets: what names one is made anew when it changes.
  std::map<std::string, std::int64_t> secrets{};
};

// The same as from nothing, whatever `before` is; what has not changed since then, and depends on nothing that has, is
// taken over from there. A provider has not changed if its object is the same one.
CompiledProject compile_project(const resources::Project& source, const MadeProviders& providers,
                                const CompiledProject* before, const CompilerParts& parts);

}  // namespace fairlead::app
