// libcurl as the target Fetch sees it. Its options are set by variadic functions, which Swift cannot
// call; here each is set where libcurl's own header can check the type of its value.
#ifndef ROOST_CCURL_SHIM_H
#define ROOST_CCURL_SHIM_H

#include <curl/curl.h>
#include <stddef.h>

// Bytes that came; what is returned is how many were taken, and fewer than all end the transfer.
typedef size_t (*roost_fetch_take)(char *bytes, size_t one, size_t count, void *context);

// A descriptor is to be watched (CURL_POLL_…), or no longer.
typedef int (*roost_fetch_watch)(
    CURL *easy, curl_socket_t descriptor, int what, void *context, void *unused);

// libcurl wants to be called after so many milliseconds; -1: not at all.
typedef int (*roost_fetch_schedule)(CURLM *multi, long milliseconds, void *context);

// One transfer. libcurl copies all texts and the body.
struct roost_fetch {
  const char *url;
  const char *authority_file;  // certificates that are trusted; NULL: the system's
  const void *body;            // NULL: GET, else POST
  long long body_bytes;
  struct curl_slist *fields;  // must live until the transfer has ended
  long timeout_milliseconds;
  long connect_milliseconds;
  long long response_bytes_max;
  char *failure;  // CURL_ERROR_SIZE bytes, until the transfer has ended
  roost_fetch_take take_head;
  roost_fetch_take take_body;
  void *context;  // of both
};

// What every transfer of this project is held to, whatever it asks for.
static inline CURLcode roost_fetch_restrict(CURL *easy) {
  CURLcode code = CURLE_OK;
#define ROOST_SET(option, value) \
  if (code == CURLE_OK) code = curl_easy_setopt(easy, option, value)
  ROOST_SET(CURLOPT_NOSIGNAL, 1L);
  ROOST_SET(CURLOPT_FOLLOWLOCATION, 0L);
#if LIBCURL_VERSION_NUM >= 0x075500
  ROOST_SET(CURLOPT_PROTOCOLS_STR, "http,https");
#else
  ROOST_SET(CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
  ROOST_SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
  ROOST_SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
  // Empty: none, whatever the environment says.
  ROOST_SET(CURLOPT_PROXY, "");
  ROOST_SET(CURLOPT_SSL_VERIFYPEER, 1L);
  ROOST_SET(CURLOPT_SSL_VERIFYHOST, 2L);
  ROOST_SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
  ROOST_SET(CURLOPT_TCP_KEEPALIVE, 1L);
  ROOST_SET(CURLOPT_USERAGENT, "roost");
#if LIBCURL_VERSION_NUM >= 0x075700
  // Without it the end of a transfer waits for the system's resolver, which may take half a minute.
  ROOST_SET(CURLOPT_QUICK_EXIT, 1L);
  // A file of certificates that was replaced is noticed after this time.
  ROOST_SET(CURLOPT_CA_CACHE_TIMEOUT, 60L);
#endif
  return code;
}

// Gives an easy handle, new or reset, its transfer.
static inline CURLcode roost_fetch_prepare(CURL *easy, const struct roost_fetch *fetch) {
  CURLcode code = roost_fetch_restrict(easy);
  ROOST_SET(CURLOPT_URL, fetch->url);
  if (fetch->authority_file != NULL) {
    ROOST_SET(CURLOPT_CAINFO, fetch->authority_file);
    // Else the system's directory would be trusted besides.
    ROOST_SET(CURLOPT_CAPATH, (char *)NULL);
  }
  if (fetch->body != NULL) {
    ROOST_SET(CURLOPT_POST, 1L);
    ROOST_SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)fetch->body_bytes);
    ROOST_SET(CURLOPT_COPYPOSTFIELDS, fetch->body);
  } else {
    ROOST_SET(CURLOPT_HTTPGET, 1L);
  }
  ROOST_SET(CURLOPT_HTTPHEADER, fetch->fields);
  ROOST_SET(CURLOPT_TIMEOUT_MS, fetch->timeout_milliseconds);
  ROOST_SET(CURLOPT_CONNECTTIMEOUT_MS, fetch->connect_milliseconds);
  // Refuses by the announced length; what comes unannounced is counted where it is taken.
  ROOST_SET(CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)fetch->response_bytes_max);
  ROOST_SET(CURLOPT_ERRORBUFFER, fetch->failure);
  ROOST_SET(CURLOPT_HEADERFUNCTION, fetch->take_head);
  ROOST_SET(CURLOPT_HEADERDATA, fetch->context);
  ROOST_SET(CURLOPT_WRITEFUNCTION, fetch->take_body);
  ROOST_SET(CURLOPT_WRITEDATA, fetch->context);
#undef ROOST_SET
  return code;
}

// A multi handle that tells what it waits for instead of waiting; NULL when there is no memory.
static inline CURLM *roost_fetch_multi(
    roost_fetch_watch watch, roost_fetch_schedule schedule, void *context, long connections_max) {
  CURLM *multi = curl_multi_init();
  if (multi == NULL) return NULL;
  CURLMcode code = CURLM_OK;
#define ROOST_SET(option, value) \
  if (code == CURLM_OK) code = curl_multi_setopt(multi, option, value)
  ROOST_SET(CURLMOPT_SOCKETFUNCTION, watch);
  ROOST_SET(CURLMOPT_SOCKETDATA, context);
  ROOST_SET(CURLMOPT_TIMERFUNCTION, schedule);
  ROOST_SET(CURLMOPT_TIMERDATA, context);
  ROOST_SET(CURLMOPT_MAXCONNECTS, connections_max);
  ROOST_SET(CURLMOPT_MAX_TOTAL_CONNECTIONS, connections_max);
#undef ROOST_SET
  if (code == CURLM_OK) return multi;
  curl_multi_cleanup(multi);
  return NULL;
}

// The next transfer that has ended, and how; NULL when there is none.
static inline CURL *roost_fetch_ended(CURLM *multi, CURLcode *result) {
  int left = 0;
  CURLMsg *message;
  while ((message = curl_multi_info_read(multi, &left)) != NULL) {
    if (message->msg != CURLMSG_DONE) continue;
    *result = message->data.result;
    return message->easy_handle;
  }
  return NULL;
}

// The status of a transfer's last response; 0 when none came.
static inline long roost_fetch_status(CURL *easy) {
  long status = 0;
  if (curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK) return 0;
  return status;
}

#endif
