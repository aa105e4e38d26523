#include "app/kinds.h"

#include "budgets/kind.h"
#include "chains/kind.h"
#include "models/kind.h"
#include "prompts/kind.h"
#include "providers/kind.h"
#include "safety/policy/kind.h"
#include "schedules/kind.h"
#include "webhooks/kind.h"

namespace fairlead::app {

std::vector<resources::Kind> kinds() {
  return {
      providers::provider_kind(), models::model_kind(),       prompts::prompt_kind(), budgets::budget_kind(),
      chains::chain_kind(),       schedules::schedule_kind(), policy::policy_kind(),  webhooks::webhook_kind(),
  };
}

}  // namespace fairlead::app
