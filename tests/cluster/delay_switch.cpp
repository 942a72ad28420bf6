// A switch between network namespaces that delivers every frame late, as long wires would: the
// kernels of many rented machines have no netem. Carries about 0.2 GB/s at most, and takes part of
// a core.
//
//   delay_switch MICROSECONDS NAMESPACE...
//
// Makes eth0 in each namespace; whoever starts it gives these their addresses. Says "ready", and
// runs until it is killed.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <string>
#include <system_error>
#include <vector>

#include <sys/ioctl.h>

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <unistd.h>

namespace {

using Clock = std::chrono::steady_clock;
using Address = std::array<char, 6>;  // of an Ethernet card

struct Frame {
  Clock::time_point due;
  int from;
  std::vector<char> bytes;
};

int checked(int result, std::string const& what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return result;
}

void enter(int network) {
  checked(setns(network, CLONE_NEWNET), "setns");
}

int tap_in(std::string const& name) {
  auto const path = "/run/netns/" + name;
  auto const network = checked(open(path.c_str(), O_RDONLY), path);
  enter(network);
  close(network);
  auto const tap = checked(open("/dev/net/tun", O_RDWR | O_NONBLOCK), "/dev/net/tun");
  ifreq request{};
  request.ifr_flags = IFF_TAP | IFF_NO_PI;
  std::strcpy(request.ifr_name, "eth0");
  checked(ioctl(tap, TUNSETIFF, &request), "eth0 of " + name);
  return tap;
}

Address address_at(std::vector<char> const& frame, int offset) {
  Address address;
  std::memcpy(address.data(), frame.data() + offset, address.size());
  return address;
}

class Switch {
 public:
  Switch(std::chrono::microseconds delay, std::vector<pollfd> taps)
      : delay_{delay}, taps_{std::move(taps)} {}

  void run() {
    for (;;) {
      await();
      for (int port = 0; port < static_cast<int>(taps_.size()); ++port) take_in(port);
      for (auto const now = Clock::now(); !late_.empty() && late_.front().due <= now;
           late_.pop_front()) {
        deliver(late_.front());
      }
    }
  }

 private:
  void await() {
    if (late_.empty()) {
      ppoll(taps_.data(), taps_.size(), nullptr, nullptr);
      return;
    }
    auto const left = std::max(late_.front().due - Clock::now(), Clock::duration::zero());
    timespec const rest{.tv_sec = left / std::chrono::seconds{1},
                        .tv_nsec = (left % std::chrono::seconds{1}).count()};
    ppoll(taps_.data(), taps_.size(), &rest, nullptr);
  }

  void take_in(int port) {
    for (int frames = 0; frames < 64; ++frames) {  // then the next port
      auto const length = read(taps_[port].fd, buffer_.data(), buffer_.size());
      if (length < 14) return;
      Frame frame{Clock::now() + delay_, port, {buffer_.data(), buffer_.data() + length}};
      port_of_[address_at(frame.bytes, 6)] = port;
      late_.push_back(std::move(frame));
    }
  }

  /// A full queue loses frames, as a real one does.
  void deliver(Frame const& frame) const {
    auto const known = port_of_.find(address_at(frame.bytes, 0));
    for (int port = 0; port < static_cast<int>(taps_.size()); ++port) {
      if (port == frame.from || (known != port_of_.end() && port != known->second)) continue;
      [[maybe_unused]] auto const written =
          write(taps_[port].fd, frame.bytes.data(), frame.bytes.size());
    }
  }

  std::chrono::microseconds delay_;
  std::vector<pollfd> taps_;
  std::map<Address, int> port_of_;
  std::deque<Frame> late_;  // in order, since all are equally late
  std::vector<char> buffer_ = std::vector<char>(70000);
};

}  // namespace

int main(int count, char** words) try {
  if (count < 3) {
    std::fputs("usage: delay_switch MICROSECONDS NAMESPACE...\n", stderr);
    return 2;
  }
  auto const home = checked(open("/proc/self/ns/net", O_RDONLY), "/proc/self/ns/net");
  std::vector<pollfd> taps;
  for (int i = 2; i < count; ++i) taps.push_back({tap_in(words[i]), POLLIN, 0});
  enter(home);
  std::puts("ready");
  std::fflush(stdout);
  Switch{std::chrono::microseconds{std::atoll(words[1])}, std::move(taps)}.run();
} catch (std::exception const& error) {
  std::fprintf(stderr, "delay_switch: %s\n", error.what());
  return 1;
}
