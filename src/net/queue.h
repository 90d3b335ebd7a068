// A queue of small messages that several machines put into and take from, over NATS JetStream (docs.nats.io, "JetStream"): a
// stream with work-queue retention in files, and one durable pull consumer that all takers share.
//
// What put() returned without an error is stored. A message is given to one taker, and to another when the first says later(),
// or nothing for kAckSeconds. So it may come twice: what it leads to must decide by itself whether it is still to be done. A server
// that goes away is waited for inside; what it forgot is for the caller to put again. Used by one thread, but working().
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"

namespace careen {

inline constexpr int kAckSeconds = 60;

class Queue {
 public:
  // nats://[USER:PASSWORD@]HOST[:PORT] or tls://..., several with commas between; `name` of the stream: letters, digits, _ and -.
  static Result<std::unique_ptr<Queue>> connect(const std::string& url, const std::string& name);
  ~Queue();
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  // Within two minutes the same id is stored once.
  Result<void> put(const std::string& id, const std::string& body);

  // How many messages it holds, those that somebody works at among them.
  Result<uint64_t> waiting();

  class Message {
   public:
    Message(Message&&) noexcept;
    Message& operator=(Message&&) noexcept;
    ~Message();
    std::string body() const;
    void done();              // it never comes again
    void later(int seconds);  // it comes again, not before
    void working();           // it does not come again for kAckSeconds more; from any thread

   private:
    friend class Queue;
    struct Impl;
    explicit Message(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
  };
  // Nothing when none came within `milliseconds`.
  Result<std::optional<Message>> take(int milliseconds);

 private:
  Queue();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace careen
