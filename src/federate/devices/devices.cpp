#include "canopy/federate/devices.hpp"

#include <cassert>

#include "devices/trace.hpp"

namespace canopy::federate {

void DeviceOptions::describe(Options& o) {
  auto const notation = any<std::string>(distribution_notation());
  o.group("Devices, in virtual time");
  o.row("compute", compute, "seconds a client's device trains per sample", notation);
  o.row("download", download, "megabits per second from the server", notation);
  o.row("upload", upload, "megabits per second to the server", notation);
  o.row("latency", latency, "seconds before each transfer", at_least(0.0));
  o.row("availability", availability, "when a client can be asked to take part",
        any<std::string>("always|share:P[,SECONDS]|diurnal:PERIOD,SHARE"));
  o.row("dropout", dropout, "probability that a client which has begun is lost in mid-round",
        between(0.0, 1.0));
  o.row("device-trace", device_trace,
        "CSV of devices with columns computation (ms per sample) and communication (kbit/s), "
        "instead of --compute, --download and --upload",
        any<std::string>("FILE"));
}

void DeviceOptions::check() const {
  auto copy = *this;
  Options options;
  copy.describe(options);
  for (auto const& row : options.rows()) row.set(row.get());
  Distribution::parse("compute", compute);
  Distribution::parse("download", download);
  Distribution::parse("upload", upload);
  Availability::parse(availability);
}

Devices::Devices(DeviceOptions const& options, int clients, Key key)
    : clients_{clients},
      key_{key.with("devices")},
      compute_{Distribution::parse("compute", options.compute)},
      download_{Distribution::parse("download", options.download)},
      upload_{Distribution::parse("upload", options.upload)},
      latency_{options.latency},
      availability_{Availability::parse(options.availability)},
      dropout_{options.dropout} {
  options.check();
  if (!options.device_trace.empty()) trace_ = read_device_trace(options.device_trace);
}

Key Devices::key_of(int client) const {
  assert(0 <= client && client < clients_);
  return key_.with(static_cast<std::uint64_t>(client));
}

Profile Devices::profile(int client) const {
  if (!trace_.empty()) return trace_[static_cast<std::size_t>(client) % trace_.size()];
  auto const key = key_of(client);
  return {compute_.draw(key.with("compute")), download_.draw(key.with("download")),
          upload_.draw(key.with("upload"))};
}

Trip Devices::trip(int client, std::int64_t number, std::int64_t samples, double bytes_down,
                   double bytes_up) const {
  auto const device = profile(client);
  auto const transfer = [&](double bytes, double megabits_per_second) {
    return latency_ + bytes * 8e-6 / megabits_per_second;
  };
  Trip trip{.download = transfer(bytes_down, device.download),
            .train = static_cast<double>(samples) * device.compute,
            .upload = transfer(bytes_up, device.upload)};
  Stream stream{key_of(client).with("drop-out").with(static_cast<std::uint64_t>(number))};
  trip.drops = stream.uniform() < dropout_;
  if (trip.drops) trip.dropped_after = stream.uniform() * trip.total();
  return trip;
}

bool Devices::is_available(int client, double time) const {
  return availability_.holds(key_of(client), time);
}

double Devices::next_available(int client, double time) const {
  return availability_.next(key_of(client), time);
}

}  // namespace canopy::federate
