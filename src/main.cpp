#include <algorithm>
#include <cstdio>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "canopy/app/calibrate.hpp"
#include "canopy/app/dashboard.hpp"
#include "canopy/app/data.hpp"
#include "canopy/app/federate.hpp"
#include "canopy/app/plan.hpp"
#include "canopy/app/predict.hpp"
#include "canopy/app/report.hpp"
#include "canopy/app/scaling.hpp"
#include "canopy/app/show.hpp"
#include "canopy/app/train.hpp"
#include "canopy/app/tune.hpp"
#include "canopy/comm/environment.hpp"
#include "canopy/core/printable.hpp"
#include "canopy/core/signals.hpp"
#include "canopy/core/text.hpp"

namespace {

using namespace canopy;
using Words = std::span<std::string const>;

/// One command of the program. A distributed one runs on all ranks; the others never start MPI.
struct Command {
  std::string name;
  std::string summary;
  std::function<int(Words)> alone;
  std::function<int(comm::Communicator const&, Words)> distributed;
};

std::vector<Command> const& commands() {
  static std::vector<Command> const list{
      {"tune", "search hyper-parameters by cross-validation over MPI ranks", {}, app::run_tune},
      {"train", "train one model over MPI ranks", {}, app::run_train},
      {"federate", "train one model by clients who keep their rows", {}, app::run_federate},
      {"calibrate", "measure links and kernels of this cluster", {}, app::run_calibrate},
      {"plan", "predict runs on larger clusters", app::run_plan, {}},
      {"predict", "score a data set with a saved model", {}, app::run_predict},
      {"data", "describe, convert or generate data sets", app::run_data, {}},
      {"show", "print what is in a run file", app::run_show, {}},
      {"report", "write a page about runs", app::run_report, {}},
      {"dashboard", "serve the runs of a folder as web pages, live", app::run_dashboard, {}},
      {"scaling", "gather the runs of a scaling study", app::run_scaling, {}},
  };
  return list;
}

std::string usage() {
  std::string text =
      "canopy: tunes, trains and federates models over an MPI cluster\n\n"
      "  canopy COMMAND [--help] ...\n"
      "  mpirun -np N --hostfile HOSTS canopy COMMAND ...\n\ncommands\n";
  for (auto const& command : commands())
    text += fmt::format("  {:<10}{}\n", command.name, command.summary);
  return text;
}

Command const& find_command(std::string const& name) {
  auto const found = std::ranges::find(commands(), name, &Command::name);
  if (found != commands().end()) return *found;
  std::vector<std::string> names;
  for (auto const& command : commands()) names.push_back(command.name);
  throw UserError{fmt::format("there is no command '{}'{}; `canopy --help` lists them", name,
                              text::did_you_mean(name, names))};
}

/// Which step it was stands in front of it, when all ranks took it together.
std::string in_words(std::string text) {
  constexpr std::string_view spoken = "std::bad_alloc";
  if (text.ends_with(spoken))
    text.replace(text.size() - spoken.size(), spoken.size(),
                 "there is not enough memory; ask for less (rows, trees, layers), or take a larger "
                 "machine");
  return text::printable(text);
}

/// One rank speaks for all: errors of a distributed command have reached every rank.
int complain(std::exception const& error, int status) {
  if (comm::launch().rank == 0) fmt::print(stderr, "canopy: error: {}\n", in_words(error.what()));
  return status;
}

int run(int argc, char** argv) {
  std::vector<std::string> words{argv + 1, argv + argc};
  if (words.size() == 2 && words[0] == "help") words = {words[1], "--help"};
  if (words.empty() || words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
    if (comm::launch().rank == 0) fmt::print("{}", usage());
    return words.empty() ? static_cast<int>(ExitCode::usage) : 0;
  }
  if (words[0] == "--version") {
    if (comm::launch().rank == 0) fmt::print("canopy {}\n", CANOPY_VERSION);
    return 0;
  }
  auto const& command = find_command(words[0]);
  if (command.alone) return comm::launch().rank == 0 ? command.alone(Words{words}.subspan(1)) : 0;
  comm::Deadline end;
  comm::Environment const environment{argc, argv};
  try {
    auto const world = comm::Communicator::world();
    auto const status = command.distributed(world, Words{words}.subspan(1));
    world.barrier();
    end.set(10, status);  // who is lost now would hang the others in MPI_Finalize
    return status;
  } catch (UserError const& e) {
    return complain(e, static_cast<int>(e.code));
  } catch (std::exception const& e) {
    return complain(e, 1);
  }
}

}  // namespace

int main(int argc, char** argv) {
  canopy::signals::install();
  try {
    return run(argc, argv);
  } catch (canopy::UserError const& e) {
    return complain(e, static_cast<int>(e.code));
  } catch (std::exception const& e) {
    return complain(e, 1);
  }
}
