#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "canopy/core/options.hpp"
#include "canopy/core/random.hpp"
#include "canopy/federate/availability.hpp"
#include "canopy/federate/distribution.hpp"

namespace canopy::federate {

/// How fast, how well connected and how reliable the clients' devices are. Time is simulated, never
/// measured, so results do not depend on the machines that simulate.
struct DeviceOptions {
  std::string compute = "0.001";  ///< seconds per sample, forward and backward; see Distribution
  std::string download = "20";    ///< megabits per second
  std::string upload = "5";       ///< megabits per second
  double latency = 0.05;          ///< seconds per transfer
  std::string availability = "always";  ///< see Availability
  double dropout = 0;  ///< probability that a client which has begun is lost in mid-round
  std::string device_trace = "";  ///< CSV of devices, instead of the three speeds; see Devices

  /// One row for each field.
  void describe(Options& options);
  /// UserError when a field is out of range or written in no known way.
  void check() const;
  friend bool operator==(DeviceOptions const&, DeviceOptions const&) = default;
};

/// The speeds of one device.
struct Profile {
  double compute;   ///< seconds per sample
  double download;  ///< megabits per second
  double upload;    ///< megabits per second
  friend bool operator==(Profile const&, Profile const&) = default;
};

/// What a client takes to fetch the model, train and send its update, in virtual seconds.
struct Trip {
  double download = 0;
  double train = 0;
  double upload = 0;
  bool drops = false;        ///< the client is lost on the way and its update never arrives
  double dropped_after = 0;  ///< seconds from its beginning, less than total()

  double total() const { return download + train + upload; }
};

/// The devices of `clients` clients. All that is random about a client is drawn from the key when
/// asked for: an idle client takes no memory.
class Devices {
 public:
  /// `key` is the run's; UserError or DataError when the options or the trace are not usable.
  /// A trace (CSV; columns `computation`, ms per sample of a forward pass, and `communication`,
  /// kbit/s, in any order among others; one row per device) takes the place of compute, download
  /// and upload. Client k has row k modulo rows, and as in FedScale (Lai et al. 2022,
  /// ClientMetadata) a training step takes three times the forward pass and both directions share
  /// the bandwidth's figure.
  Devices(DeviceOptions const& options, int clients, Key key);

  int clients() const { return clients_; }
  Profile profile(int client) const;

  /// Dispatch `number` of a client (the round, or in an asynchronous run the client's n-th task):
  ///     latency + bytes_down/download,  samples x compute,  latency + bytes_up/upload
  /// `samples` counts every pass: rows x epochs. Only whether and when it drops out depends on
  /// `number`; the moment is uniform over the trip.
  Trip trip(int client, std::int64_t number, std::int64_t samples, double bytes_down,
            double bytes_up) const;

  bool is_available(int client, double time) const;
  /// The first virtual time from `time` on at which the client is available.
  double next_available(int client, double time) const;

 private:
  Key key_of(int client) const;

  int clients_;
  Key key_;
  Distribution compute_;
  Distribution download_;
  Distribution upload_;
  double latency_;
  Availability availability_;
  double dropout_;
  std::vector<Profile> trace_;
};

}  // namespace canopy::federate
