// hiredis as the target Backplane sees it: its parser of replies (RESP2), with reply functions of
// our own, behind calls that look the same for 0.14 and 1.x.
//
// hiredis's own functions allocate every element of every reply. Ours append one token an element to
// a row, and the bytes of strings to a buffer; both are kept for the next reply. The bytes have to
// be copied, because hiredis moves its buffer while a reply is still incomplete.
#ifndef ROOST_CHIREDIS_SHIM_H
#define ROOST_CHIREDIS_SHIM_H

#include <hiredis/hiredis.h>
#include <hiredis/read.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
  ROOST_REPLY_STATUS = 0,
  ROOST_REPLY_ERROR = 1,
  ROOST_REPLY_INTEGER = 2,
  ROOST_REPLY_BULK = 3,
  ROOST_REPLY_NULL = 4,
  ROOST_REPLY_ARRAY = 5
};

// Arrays in arrays, the outermost counted. hiredis 0.14 has room for as many, 1.x for a thousand;
// both are held to the same number.
enum { ROOST_REPLY_DEPTH_MAX = 8 };

// An element of a reply, in the order in which elements come (preorder).
struct roost_reply_token {
  long long number;  // the integer, or an array's count of elements
  uint32_t offset;   // of the string's first byte in the buffer
  uint32_t end;      // behind the string's last byte; of arrays: the token behind the last child
  uint8_t kind;
};

struct roost_reply_reader {
  redisReader *reader;
  struct roost_reply_token *tokens;
  unsigned char *bytes;
  size_t token_count, token_capacity, tokens_max;
  size_t byte_count, byte_capacity, bytes_max;
  // Elements that arrays have announced and that have not come: they count as tokens, so that an
  // array that is too long is refused before its first element.
  size_t announced;
  const char *refusal;  // why a reply was refused here, not by hiredis
};

// A place for one more token, or NULL when the bound is reached or there is no memory.
static inline struct roost_reply_token *roost_reply_append(
    const redisReadTask *task, uint8_t kind, size_t elements) {
  struct roost_reply_reader *state = (struct roost_reply_reader *)task->privdata;
  if (task->parent != NULL) state->announced -= 1;
  size_t held = state->token_count + state->announced;
  if (held >= state->tokens_max || elements > state->tokens_max - held - 1) {
    state->refusal = "a reply has too many elements";
    return NULL;
  }
  state->announced += elements;
  if (state->token_count == state->token_capacity) {
    size_t capacity = state->token_capacity == 0 ? 16 : state->token_capacity * 2;
    void *grown = realloc(state->tokens, capacity * sizeof(struct roost_reply_token));
    if (grown == NULL) {
      state->refusal = "no memory for a reply";
      return NULL;
    }
    state->tokens = (struct roost_reply_token *)grown;
    state->token_capacity = capacity;
  }
  struct roost_reply_token *token = state->tokens + state->token_count;
  state->token_count += 1;
  token->number = (long long)elements;
  token->offset = 0;
  token->end = (uint32_t)state->token_count;
  token->kind = kind;
  return token;
}

// What hiredis is to take for the object: not NULL, which it takes for a lack of memory.
static inline void *roost_reply_object(const redisReadTask *task) {
  struct roost_reply_reader *state = (struct roost_reply_reader *)task->privdata;
  return (void *)(uintptr_t)state->token_count;
}

static inline void *roost_reply_refuse_type(const redisReadTask *task) {
  struct roost_reply_reader *state = (struct roost_reply_reader *)task->privdata;
  state->refusal = "a reply has a type that RESP2 does not know";
  return NULL;
}

static inline void *roost_reply_create_string(
    const redisReadTask *task, char *text, size_t length) {
  struct roost_reply_reader *state = (struct roost_reply_reader *)task->privdata;
  uint8_t kind;
  switch (task->type) {
    case REDIS_REPLY_STRING: kind = ROOST_REPLY_BULK; break;
    case REDIS_REPLY_STATUS: kind = ROOST_REPLY_STATUS; break;
    case REDIS_REPLY_ERROR: kind = ROOST_REPLY_ERROR; break;
    default: return roost_reply_refuse_type(task);
  }
  if (length > state->bytes_max - state->byte_count) {
    state->refusal = "a reply is too long";
    return NULL;
  }
  if (length > state->byte_capacity - state->byte_count) {
    size_t capacity = state->byte_capacity == 0 ? 1024 : state->byte_capacity * 2;
    while (capacity - state->byte_count < length) capacity *= 2;
    void *grown = realloc(state->bytes, capacity);
    if (grown == NULL) {
      state->refusal = "no memory for a reply";
      return NULL;
    }
    state->bytes = (unsigned char *)grown;
    state->byte_capacity = capacity;
  }
  struct roost_reply_token *token = roost_reply_append(task, kind, 0);
  if (token == NULL) return NULL;
  if (length > 0) memcpy(state->bytes + state->byte_count, text, length);
  token->offset = (uint32_t)state->byte_count;
  state->byte_count += length;
  token->end = (uint32_t)state->byte_count;
  return roost_reply_object(task);
}

static inline void *roost_reply_create_array_of(const redisReadTask *task, size_t elements) {
  struct roost_reply_reader *state = (struct roost_reply_reader *)task->privdata;
  if (task->type != REDIS_REPLY_ARRAY) return roost_reply_refuse_type(task);
  int depth = 1;
  for (const redisReadTask *parent = task->parent; parent != NULL; parent = parent->parent) {
    depth += 1;
  }
  if (depth > ROOST_REPLY_DEPTH_MAX) {
    state->refusal = "a reply nests too deep";
    return NULL;
  }
  if (roost_reply_append(task, ROOST_REPLY_ARRAY, elements) == NULL) return NULL;
  return roost_reply_object(task);
}

static inline void *roost_reply_create_integer(const redisReadTask *task, long long number) {
  if (task->type != REDIS_REPLY_INTEGER) return roost_reply_refuse_type(task);
  struct roost_reply_token *token = roost_reply_append(task, ROOST_REPLY_INTEGER, 0);
  if (token == NULL) return NULL;
  token->number = number;
  return roost_reply_object(task);
}

// RESP2 writes null as a string or an array of length -1; RESP3 has a type for it.
static inline void *roost_reply_create_null(const redisReadTask *task) {
  if (task->type != REDIS_REPLY_STRING && task->type != REDIS_REPLY_ARRAY) {
    return roost_reply_refuse_type(task);
  }
  if (roost_reply_append(task, ROOST_REPLY_NULL, 0) == NULL) return NULL;
  return roost_reply_object(task);
}

static inline void roost_reply_free_object(void *object) { (void)object; }

#if HIREDIS_MAJOR >= 1
static inline void *roost_reply_create_array(const redisReadTask *task, size_t elements) {
  return roost_reply_create_array_of(task, elements);
}

static inline void *roost_reply_create_double(
    const redisReadTask *task, double number, char *text, size_t length) {
  (void)number, (void)text, (void)length;
  return roost_reply_refuse_type(task);
}

static inline void *roost_reply_create_bool(const redisReadTask *task, int flag) {
  (void)flag;
  return roost_reply_refuse_type(task);
}
#else
static inline void *roost_reply_create_array(const redisReadTask *task, int elements) {
  return roost_reply_create_array_of(task, (size_t)elements);
}
#endif

// hiredis keeps the pointer and changes nothing behind it.
static redisReplyObjectFunctions roost_reply_functions = {
  .createString = roost_reply_create_string,
  .createArray = roost_reply_create_array,
  .createInteger = roost_reply_create_integer,
  .createNil = roost_reply_create_null,
#if HIREDIS_MAJOR >= 1
  .createDouble = roost_reply_create_double,
  .createBool = roost_reply_create_bool,
#endif
  .freeObject = roost_reply_free_object
};

static inline void roost_reply_reader_free(struct roost_reply_reader *state) {
  if (state->reader != NULL) redisReaderFree(state->reader);
  free(state->tokens);
  free(state->bytes);
  free(state);
}

// NULL when there is no memory. Both bounds are below 2^31.
static inline struct roost_reply_reader *roost_reply_reader_create(
    size_t bytes_max, size_t tokens_max) {
  struct roost_reply_reader *state =
      (struct roost_reply_reader *)calloc(1, sizeof(struct roost_reply_reader));
  if (state == NULL) return NULL;
  state->bytes_max = bytes_max;
  state->tokens_max = tokens_max;
  state->reader = redisReaderCreateWithFunctions(&roost_reply_functions);
  if (state->reader == NULL) {
    roost_reply_reader_free(state);
    return NULL;
  }
  state->reader->privdata = state;
  // An empty buffer larger than this is given back before the next bytes are taken in.
  state->reader->maxbuf = 65536;
  return state;
}

// Hands bytes to hiredis, which copies them; 0 when it had no memory or had failed before.
static inline int roost_reply_reader_feed(
    struct roost_reply_reader *state, const void *bytes, size_t count) {
  return redisReaderFeed(state->reader, (const char *)bytes, count) == REDIS_OK;
}

// 1: a reply is there, 0: bytes are missing, -1: this is not RESP2, or over a bound.
static inline int roost_reply_reader_next(struct roost_reply_reader *state) {
  void *object = NULL;
  if (redisReaderGetReply(state->reader, &object) != REDIS_OK) return -1;
  if (object == NULL) {
    // What waits for its end is bounded like what is complete, give or take the length in front
    // of a string and the line end behind it.
    size_t waiting = state->reader->len - state->reader->pos;
    if (waiting <= state->bytes_max - state->byte_count + 64) return 0;
    state->refusal = "a reply is too long";
    return -1;
  }
  // Tokens know where their subtrees end once the last one is there.
  for (size_t index = state->token_count; index-- > 0;) {
    struct roost_reply_token *token = state->tokens + index;
    if (token->kind != ROOST_REPLY_ARRAY) continue;
    size_t next = index + 1;
    for (long long child = 0; child < token->number; child += 1) {
      next = state->tokens[next].kind == ROOST_REPLY_ARRAY ? state->tokens[next].end : next + 1;
    }
    token->end = (uint32_t)next;
  }
  return 1;
}

// Forgets the reply that was read; memory that only a long reply needed is given back.
static inline void roost_reply_reader_reset(struct roost_reply_reader *state) {
  if (state->byte_capacity > 262144 && state->byte_count < state->byte_capacity / 8) {
    free(state->bytes);
    state->bytes = NULL;
    state->byte_capacity = 0;
  }
  if (state->token_capacity > 16384 && state->token_count < state->token_capacity / 8) {
    free(state->tokens);
    state->tokens = NULL;
    state->token_capacity = 0;
  }
  state->token_count = 0;
  state->byte_count = 0;
  state->announced = 0;
}

// Why reading failed.
static inline const char *roost_reply_reader_failure(const struct roost_reply_reader *state) {
  return state->refusal != NULL ? state->refusal : state->reader->errstr;
}

// The version that this was compiled with.
static inline int roost_hiredis_version(int part) {
  return part == 0 ? HIREDIS_MAJOR : part == 1 ? HIREDIS_MINOR : HIREDIS_PATCH;
}

#endif
