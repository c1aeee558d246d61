// The place of Slurm's commands in the tree of ours.
#pragma once

namespace CLI {
class App;
}

namespace mw {

struct Cli;
void add_slurm(CLI::App& app, Cli& cli);

}  // namespace mw
