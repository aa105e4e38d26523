// The options that say what a prompt is called with.
#pragma once
#include "cli/internal/command.h"
#include "cli/internal/question.h"

namespace fairlead::cli {

inline void add_question_options(CLI::App& command, Question& question) {
  command.add_option("--vars", question.file, "JSON file whose members are the variables")->type_name("FILE");
  command.add_option("--var", question.variables, "A variable: NAME=VALUE; may be given again");
  command.add_option("--message", question.message, "A user's message behind the prompt's own");
  command.add_option("--user", question.user, "The user of the call");
  command.add_option("--session", question.session, "Its session");
  command.add_option("--tag", question.tags, "A tag of it; may be given again");
}

}  // namespace fairlead::cli
