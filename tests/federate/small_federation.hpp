#pragma once

#include <numeric>
#include <string>

#include "canopy/data/samples.hpp"
#include "canopy/data/source.hpp"
#include "canopy/federate/federation.hpp"
#include "canopy/nn/architecture.hpp"
#include "canopy/train/network/feed.hpp"

namespace canopy::test {

/// Some generated digits, dealt to a few clients, and what they train together.
struct SmallFederation {
  explicit SmallFederation(std::string const& model = "softmax", int rows = 240, int count = 6)
      : samples{[&] {
          data::Source source;
          source.data = "synthetic:mnist,rows=" + std::to_string(rows);
          auto const loaded = data::load(source, 7);
          return data::Samples::pack(loaded.train, &*loaded.test);
        }()},
        network{nn::architecture(model, {1, 28, 28}, 10)},
        learn(static_cast<std::size_t>(samples.rows())),
        test(static_cast<std::size_t>(samples.test_rows())),
        standardisation{[&] {
          std::iota(learn.begin(), learn.end(), 0u);
          std::iota(test.begin(), test.end(), static_cast<data::RowIndex>(samples.rows()));
          return train::standardisation_of(samples, learn, {1, 28, 28});
        }()},
        feed{samples, {1, 28, 28}, standardisation} {
    options.clients = count;
    options.rounds = 3;
    options.fraction_fit = 0.5;
    options.local.batch_size = 16;
  }

  federate::Clients clients() const {
    auto partition = data::make_partition(options.partition, *options.clients, learn,
                                          samples.labels(), 10, {}, Key{11});
    return {options.partition, std::move(partition), feed, {1, 28, 28}, standardisation, Key{11}};
  }

  /// Collective. The state at the end on the root, elsewhere an empty one. `stop_after` rounds at
  /// most.
  federate::FederationState run(comm::Communicator const& comm,
                                federate::FederationState const* from = nullptr,
                                std::int64_t stop_after = 1 << 20) const {
    auto const roles = federate::make_roles(options.layout, options.combiners, comm.size(),
                                            options.ranks_per_client);
    auto mine = clients();
    federate::Federation federation{comm, roles, {network, test, mine, options, Key{3}}};
    if (!comm.is_root()) {
      federation.serve();
      return {};
    }
    federate::FederationHooks hooks;
    hooks.event = [this](std::string const& kind, std::string const&) { events.push_back(kind); };
    hooks.interrupted = [&] { return federation.state().round >= stop_after; };
    federation.run(from ? *from : federation.fresh_state(), hooks);
    federation.shut_down();
    return federation.state();
  }

  /// As one rank alone does it.
  federate::FederationState alone(comm::Communicator const& world) const {
    return run(world.split(world.rank().value));
  }

  data::Samples samples;
  nn::Network network;
  data::Rows learn;
  data::Rows test;
  nn::Standardisation standardisation;
  train::Feed feed;
  federate::FederationOptions options;
  mutable std::vector<std::string> events;
};

}  // namespace canopy::test
