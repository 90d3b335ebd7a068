#include "net/queue.h"

#include <nats/nats.h>

#include <chrono>
#include <mutex>

#include "base/text.h"

namespace careen {
namespace {

constexpr int64_t kSecond = 1'000'000'000;  // NATS counts nanoseconds
constexpr int64_t kSameSeconds = 120;       // within which an id is stored once
constexpr int kPutTries = 30;               // a second apart
constexpr int kLookSeconds = 5;
constexpr const char* kConsumer = "workers";

struct Free {
  void operator()(natsOptions* o) const { natsOptions_Destroy(o); }
  void operator()(natsConnection* c) const { natsConnection_Destroy(c); }
  void operator()(jsCtx* c) const { jsCtx_Destroy(c); }
  void operator()(natsSubscription* s) const { natsSubscription_Destroy(s); }
  void operator()(natsMsg* m) const { natsMsg_Destroy(m); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

// For messages: who connects is nobody's business.
std::string shown(const std::vector<std::string>& servers) {
  std::vector<std::string> out;
  for (const std::string& s : servers) {
    size_t scheme = s.find("://"), begin = scheme == std::string::npos ? 0 : scheme + 3, at = s.rfind('@');
    out.push_back(at == std::string::npos || at < begin ? s : s.substr(0, begin) + s.substr(at + 1));
  }
  return join(out, ",");
}

}  // namespace

struct Queue::Message::Impl {
  Owned<natsMsg> message;
  std::mutex mutex;
};

struct Queue::Impl {
  std::string shown, name, subject;
  Owned<natsConnection> connection;
  Owned<jsCtx> jetstream;
  Owned<natsSubscription> taker;
  std::chrono::steady_clock::time_point looked;

  Error failed(const char* doing, natsStatus s) const { return {Errc::network, escape(shown) + ": " + doing + ": " + natsStatus_GetText(s)}; }

  // Makes the stream where it is not there.
  natsStatus make_stream() {
    jsStreamConfig c;
    jsStreamConfig_Init(&c);
    const char* subjects[] = {subject.c_str()};
    c.Name = name.c_str();
    c.Subjects = subjects;
    c.SubjectsLen = 1;
    c.Retention = js_WorkQueuePolicy;
    c.Storage = js_FileStorage;
    c.Duplicates = kSameSeconds * kSecond;
    jsErrCode code{};
    natsStatus s = js_AddStream(nullptr, jetstream.get(), &c, nullptr, &code);
    return code == JSStreamNameExistErr ? NATS_OK : s;
  }

  // A server that came back with nothing lets a taker wait for ever: asked now and then, when nothing comes.
  bool still_there() {
    auto now = std::chrono::steady_clock::now();
    if (now - looked < std::chrono::seconds(kLookSeconds)) return true;
    looked = now;
    jsConsumerInfo* info = nullptr;
    jsErrCode code{};
    natsStatus s = js_GetConsumerInfo(&info, jetstream.get(), name.c_str(), kConsumer, nullptr, &code);
    jsConsumerInfo_Destroy(info);
    return s == NATS_OK;
  }

  natsStatus subscribe() {
    jsSubOptions o;
    jsSubOptions_Init(&o);
    o.Stream = name.c_str();
    o.Config.AckWait = kAckSeconds * kSecond;
    o.Config.MaxDeliver = -1;  // who takes a message counts its tries
    o.Config.MaxAckPending = 100'000;
    natsSubscription* sub = nullptr;
    jsErrCode code{};
    natsStatus s = js_PullSubscribe(&sub, jetstream.get(), subject.c_str(), kConsumer, nullptr, &o, &code);
    taker.reset(sub);
    return s;
  }
};

Queue::Message::Message(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Queue::Message::Message(Message&&) noexcept = default;
Queue::Message& Queue::Message::operator=(Message&&) noexcept = default;
Queue::Message::~Message() = default;

std::string Queue::Message::body() const {
  return {natsMsg_GetData(impl_->message.get()), static_cast<size_t>(natsMsg_GetDataLength(impl_->message.get()))};
}
// A server that does not hear these sends the message again, which its taker must stand anyhow.
void Queue::Message::done() {
  std::lock_guard lock(impl_->mutex);
  natsMsg_Ack(impl_->message.get(), nullptr);
}
void Queue::Message::later(int seconds) {
  std::lock_guard lock(impl_->mutex);
  natsMsg_NakWithDelay(impl_->message.get(), int64_t{seconds} * 1000, nullptr);
}
void Queue::Message::working() {
  std::lock_guard lock(impl_->mutex);
  natsMsg_InProgress(impl_->message.get(), nullptr);
}

Queue::Queue() : impl_(std::make_unique<Impl>()) {}
Queue::~Queue() = default;

Result<std::unique_ptr<Queue>> Queue::connect(const std::string& url, const std::string& name) {
  std::unique_ptr<Queue> q(new Queue);
  Impl& m = *q->impl_;
  std::vector<std::string> servers;
  for (std::string_view one : split(url, ',')) servers.emplace_back(trim(one));
  std::vector<const char*> pointers;
  for (const std::string& one : servers) pointers.push_back(one.c_str());
  m.shown = shown(servers), m.name = name, m.subject = name + ".jobs";
  natsOptions* raw = nullptr;
  natsStatus s = natsOptions_Create(&raw);
  Owned<natsOptions> options(raw);
  if (s == NATS_OK) s = natsOptions_SetServers(raw, pointers.data(), static_cast<int>(pointers.size()));
  if (s == NATS_OK) s = natsOptions_SetName(raw, "careen");
  if (s == NATS_OK) s = natsOptions_SetMaxReconnect(raw, -1);
  if (s == NATS_OK) s = natsOptions_SetReconnectWait(raw, 500);
  if (s == NATS_OK) s = natsOptions_SetTimeout(raw, 10'000);
  natsConnection* connection = nullptr;
  if (s == NATS_OK) s = natsConnection_Connect(&connection, raw);
  m.connection.reset(connection);
  if (s != NATS_OK) return m.failed("cannot be reached", s);
  jsCtx* jetstream = nullptr;
  if (s = natsConnection_JetStream(&jetstream, connection, nullptr); s != NATS_OK) return m.failed("cannot be used", s);
  m.jetstream.reset(jetstream);
  if (s = m.make_stream(); s != NATS_OK) return m.failed("the stream cannot be made; is JetStream on (nats-server -js)", s);
  return q;
}

Result<uint64_t> Queue::waiting() {
  jsStreamInfo* info = nullptr;
  jsErrCode code{};
  natsStatus s = js_GetStreamInfo(&info, impl_->jetstream.get(), impl_->name.c_str(), nullptr, &code);
  if (s == NATS_NOT_FOUND || code == JSStreamNotFoundErr) return uint64_t{0};  // put() makes it anew
  if (s != NATS_OK) return impl_->failed("cannot be asked", s);
  uint64_t held = info->State.Msgs;
  jsStreamInfo_Destroy(info);
  return held;
}

Result<void> Queue::put(const std::string& id, const std::string& body) {
  natsStatus s = NATS_OK;
  for (int tries = 0; tries < kPutTries; ++tries) {
    if (tries != 0) nats_Sleep(1000);
    jsPubOptions o;
    jsPubOptions_Init(&o);
    o.MsgId = id.c_str();
    jsPubAck* ack = nullptr;
    jsErrCode code{};
    s = js_Publish(&ack, impl_->jetstream.get(), impl_->subject.c_str(), body.data(), static_cast<int>(body.size()), &o, &code);
    jsPubAck_Destroy(ack);
    if (s == NATS_OK) return {};
    impl_->make_stream();  // of a server that came back with nothing
  }
  return impl_->failed("a message cannot be stored", s);
}

Result<std::optional<Queue::Message>> Queue::take(int milliseconds) {
  natsStatus s = NATS_OK;
  if (!impl_->taker) s = impl_->subscribe();
  natsMsgList list{};
  if (s == NATS_OK) s = natsSubscription_Fetch(&list, impl_->taker.get(), 1, milliseconds, nullptr);
  if (s == NATS_OK && list.Count == 1) {
    auto m = std::make_unique<Message::Impl>();
    m->message.reset(list.Msgs[0]);
    list.Msgs[0] = nullptr;
    natsMsgList_Destroy(&list);
    return std::optional(Message(std::move(m)));
  }
  natsMsgList_Destroy(&list);
  if ((s == NATS_TIMEOUT || s == NATS_OK) && impl_->still_there()) return std::optional<Message>();
  if (natsConnection_IsClosed(impl_->connection.get())) return impl_->failed("is gone", s);
  // The server is away or came back without the consumer: begin anew, a little later.
  impl_->taker.reset();
  nats_Sleep(std::min(milliseconds, 500));
  impl_->make_stream();
  return std::optional<Message>();
}

}  // namespace careen
