// swift-format-ignore-file
// The OpenAPI document as one string, because resources of a package would pull in Foundation. Written
// by ops/pages from openapi.json, which is the file to edit; a test compares the two byte for byte.

/// The description of the server API, served at `/openapi.json` on the admin port.
public enum OpenAPIDocument {
  /// The media type to serve the document with.
  public static let contentType = "application/json"

  /// The document, UTF-8, 76499 bytes.
  public static let json = ##"""
{
  "openapi": "3.1.0",
  "info": {
    "title": "Roost server API",
    "version": "0.1.0",
    "summary": "What a back end may ask of a cluster of Roost nodes.",
    "description": "On the admin port of every node; each answers for the whole cluster. Errors are problem documents (RFC 9457) with a `code` for programs.",
    "license": {
      "name": "Apache 2.0",
      "identifier": "Apache-2.0"
    }
  },
  "servers": [
    {
      "url": "http://127.0.0.1:8081",
      "description": "The default admin port."
    }
  ],
  "security": [
    {
      "apiKey": []
    }
  ],
  "tags": [
    {
      "name": "Messages",
      "description": "Into rooms."
    },
    {
      "name": "Rooms",
      "description": "What is in them."
    },
    {
      "name": "Users",
      "description": "All connections of one user."
    },
    {
      "name": "Connections",
      "description": "One by one."
    },
    {
      "name": "Cluster",
      "description": "The whole of it."
    },
    {
      "name": "Node",
      "description": "This node; no key is needed."
    }
  ],
  "paths": {
    "/v1/rooms": {
      "get": {
        "operationId": "list_rooms",
        "tags": [
          "Rooms"
        ],
        "summary": "List rooms that have members",
        "description": "In the order of their bytes. A room without members is not listed, whatever its history holds.",
        "parameters": [
          {
            "name": "limit",
            "in": "query",
            "description": "Rooms in the answer.",
            "schema": {
              "type": "integer",
              "minimum": 1,
              "maximum": 1000,
              "default": 100
            }
          },
          {
            "name": "after",
            "in": "query",
            "description": "The `next` of the page before.",
            "schema": {
              "$ref": "#/components/schemas/RoomName"
            },
            "example": "chat:lobby"
          }
        ],
        "responses": {
          "200": {
            "description": "A page of rooms. `next`, and the link, are there while there are more.",
            "headers": {
              "Link": {
                "description": "The next page, as `<…>; rel=\"next\"`.",
                "schema": {
                  "type": "string"
                }
              }
            },
            "content": {
              "application/json": {
                "schema": {
                  "$ref": "#/components/schemas/RoomList"
                },
                "example": {
                  "rooms": [
                    {
                      "room": "chat:lobby",
                      "members": 17
                    }
                  ],
                  "next": "chat:lobby"
                }
              }
            }
          },
          "400": {
            "$ref": "#/components/responses/BadRequest"
          },
          "401": {
            "$ref": "#/components/responses/Unauthorized"
          },
          "403": {
            "$ref": "#/components/responses/Forbidden"
          },
          "503": {
            "$ref": "#/components/responses/Unavailable"
          },
          "504": {
            "$ref": "#/components/responses/Unknown"
          }
        }
      }
    },
    "/v1/rooms/{room}": {
      "get": {
        "operationId": "read_room",
        "tags": [
          "Rooms"
        ],
        "summary": "Read a room's size and newest position",
        "description": "A room that nobody is in has no members; that is no error.",
        "parameters": [
          {
            "$ref": "#/components/parameters/Room"
          }
        ],
        "responses": {
          "200": {
            "description": "The room.",
            "content": {
              "application/json": {
                "schema": {
                  "$ref": "#/components/schemas/Room"
                },
                "example": {
                  "room": "chat:lobby",
                  "epoch": "49e49afddfa7093ab9fc8728c3a622a5",
                  "offset": 17,
                  "members": 2
                }
              }
            }
          },
          "400": {
            "$ref": "#/components/responses/BadRequest"
          },
          "401": {
            "$ref": "#/components/responses/Unauthorized"
          },
          "403": {
            "$ref": "#/components/responses/Forbidden"
          },
          "503": {
            "$ref": "#/components/responses/Unavailable"
          },
          "504": {
            "$ref": "#/components/responses/Unknown"
          }
        }
      }
    },
    "/v1/rooms/{room}/messages": {
      "post": {
        "operationId": "publish_message",
        "tags": [
          "Messages"
        ],
        "summary": "Publish a message into a room",
        "description": "The namespace's `publish` does not apply. With `application/octet-stream` the body is a binary message.",
        "parameters": [
          {
            "$ref": "#/components/parameters/Room"
          },
          {
            "$ref": "#/components/parameters/IdempotencyKey"
          }
        ],
        "requestBody": {
          "required": true,
          "description": "The message's data: any JSON value, or opaque bytes.",
          "content": {
            "application/json": {
              "schema": {
                "$ref": "#/components/schemas/Data"
              },
              "example": {
                "text": "hello"
              }
            },
            "application/octet-stream": {
              "schema": {
                "type": "string",
                "format": "binary"
              }
            }
          }
        },
        "responses": {
          "200": {
            "description": "The message is in the room; in rooms with history with its place.",
            "content": {
              "application/json": {
                "schema": {
                  "$ref": "#/components/schemas/Published"
                },
                "example": {
                  "room": "chat:lobby",
                  "epoch": "49e49afddfa7093ab9fc8728c3a622a5",
                  "offset": 18
                }
              }
            }
          },
          "400": {
            "$ref": "#/components/responses/BadRequest"
          },
          "401": {
            "$ref": "#/components/responses/Unauthorized"
          },
          "403": {
            "$ref": "#/components/responses/Forbidden"
          },
          "409": {
            "$ref": "#/components/responses/KeyConflict"
          },
          "413": {
            "$ref": "#/components/responses/TooLarge"
          },
          "415": {
            "$ref": "#/components/responses/UnsupportedMediaType"
          },
          "503": {
            "$ref": "#/components/responses/Unavailable"
          },
          "504": {
            "$ref": "#/components/responses/Unknown"
          }
        }
      }
    },
    "/v1/rooms/{room}/presence": {
      "get": {
        "operationId": "read_presence",
        "tags": [
          "Rooms"
        ],
        "summary": "List a room's members",
        "description": "In the order of joining. The namespace has to have `presence`.",
        "parameters": [
          {
            "$ref": "#/components/parameters/Room"
          },
          {
            "$ref": "#/components/parameters/Limit"
          },
          {
            "name": "after",
            "in": "query",
            "description": "The `next` of the page before.",
            "schema": {
              "type": "integer",
              "minimum": 0,
              "maximum": 9223372036854775807
            }
          }
        ],
        "responses": {
          "200": {
            "description": "A page of members; `next` while there are more.",
            "content": {
              "application/json": {
                "schema": {
                  "$ref": "#/components/schemas/Presence"
                },
                "example": {
                  "members": [
                    {
                      "connection": "ae45622d535d6a84-1.0.1",
                      "user": "ada"
                    }
                  ],
                  "next": 1
                }
              }
            }
          },
          "400": {
            "$ref": "#/components/responses/BadRequest"
          },
          "401": {
            "$ref": "#/components/responses/Unauthorized"
          },
          "403": {
            "$ref": "#/components/responses/Forbidden"
          },
          "503": {
            "$ref": "#/components/responses/Unavailable"
          },
          "504": {
            "$ref": "#/components/responses/Unknown"
          }
        }
      }
    },
    "/v1/rooms/{room}/history": {
      "get": {
        "operationId": "read_history",
        "tags": [
          "Rooms"
        ],
        "summary": "Read a room's log",
        "description": "Oldest first, or newest first with `reverse`. The namespace has to keep history.",
        "parameters": [
          {
            "$ref": "#/components/parameters/Room"
          },
          {
            "$ref": "#/components/parameters/Limit"
          },
          {
            "name": "since_epoch",
            "in": "query",
            "description": "The epoch of the position behind which to read; needs `since_offset`.",
            "schema": {
              "$ref": "#/components/schemas/Epoch"
            }
          },
          {
            "name": "since_offset",
            "in": "query",
            "description": "The offset of that position; needs `since_epoch`.",
            "schema": {
              "type": "integer",
              "minimum": 0,
              "maximum": 9223372036854775807
            }
          },
          {
            "name": "reverse",
            "in": "query",
            "description": "Newest first; with a position, from the message before it on.",
            "schema": {
              "type": "boolean",
              "default": false
            }
          }
        ],
        "responses": {
          "200": {
            "description": "Messages, and the room's newest position. `recovered` tells, where a position was given and `reverse` was not, whether nothing is missing behind it.",
            "content": {
              "application/json": {
                "schema": {
                  "$ref": "#/components/schemas/History"
                },
                "example": {
                  "messages": [
                    {
                      "offset": 17,
                      "data": {
                        "text": "hello"
                      }
                    }
                  ],
                  "epoch": "49e49afddfa7093ab9fc8728c3a622a5",
                  "offset": 17
                }
              }
            }
          },
          "400": {
            "$ref": "#/components/responses/BadRequest"
          },
          "401": {
            "$ref": "#/components/responses/Unauthorized"
          },
          "403": {
            "$ref": "#/components/responses/Forbidden"
          },
          "503": {
            "$ref": "#/components/responses/Unavailable"
          },
          "504": {
            "$ref": "#/components/responses/Unknown"
          }
        }
      },
      "delete": {
        "operationId": "clear_history",
        "tags": [
          "Rooms"
        ],
        "summary": "Drop a room's log",
        "description": "Offsets count on, so clients notice nothing but that there is no history.",
        "parameters": [
          {
            "$ref": "#/components/parameters/Room"
          }
        ],
        "responses": {
          "204": {
            "description": "The log is empty."
          },
          "400": {
            "$ref": "#/components/responses/BadRequest"
          },
          "401": {
            "$ref": "#/components/responses/Unauthorized"
          },
          "403": {
            "$ref": "#/components/responses/Forbidden"
          },
          "503": {
            "$ref": "#/components/responses/Unavailable"
          },
          "504": {
            "$ref": "#/components/responses/Unknown"
          }
        }
      }
    },
    "/v1/rooms/{room}/events": {
      "get": {
        "operationId": "stream_events",
        "tags": [
          "Rooms"
        ],
        "summary": "Stream a room's events",
        "description": "Server-Sent Events: first `ok`, then each push of the room under its type. The response does not end by itself. Also on the public port, there without an API key, under the namespace's `join`.",
        "parameters": [
          {
            "$ref": "#/components/parameters/Room"
          },
          {
            "name": "Last-Event-ID",
            "in": "header",
            "description": "The id of the last event that was received: what came after it is sent first. An id that is not known is no error; the first event then says `\"recovered\":false`.",
            "schema": {
              "type": "string",
              "maxLength": 64
            }
          },
          {
            "name": "last_event_id",
            "in": "query",
            "description": "The same, where no header can be set.",
            "schema": {
              "type": "string",
              "maxLength": 64
            }
          }
        ],
        "responses": {
          "200": {
            "description": "The stream.",
            "content": {
              "text/event-stream": {
                "schema": {
                  "description": "Events with `event`, `data` (a JSON object on one line) and, in rooms with history, `id`."
                },
                "example": "id: 49e49afddfa7093ab9fc8728c3a622a5:18\nevent: message\ndata: {\"type\":\"message\",\"room\":\"chat:lobby\",\"data\":\"hello\",\"offset\":18}\n\n"
              }
            }
          },
          "400": {
            "$ref": "#/components/responses/BadRequest"
          },
          "401": {
            "$ref": "#/components/responses/Unauthorized"
          },
          "403": {
            "$ref": "#/components/responses/Forbidden"
          },
          "503": {
            "$ref": "#/components/responses/Unavailable"
          },
          "504": {
            "$ref": "#/components/responses/Unknown"
          }
        }
      }
    },
    "/v1/rooms/{room}/users/{user}": {
      "put": {
        "operationId": "join_user",
        "tags": [
          "Users"
        ],
        "summary": "Join a user's connections to a room",
        "description": "Those that are there now, whatever the namespace's `join` says; each is told `added`. Connections that are in the room, or in as many rooms as they may be, are passed over and not counted.",
        "parameters": [
          {
            "$ref": "#/components/parameters/Room"
          },
          {
            "$ref": "#/components/parameters/User"
          }
        ],
        "responses": {
          "200": {
            "description": "Every node has joined them; how many connections it concerned, which may be none.",
            "content": {
              "application/json": {
                "schema": {
                  "$ref": "#/components/schemas/Changed"
                },
                "example": {
                  "connections": 2
                }
              }
            }
          },
          "202": {
            "description": "Not every node has answered within two seconds. Those that are named carry it out when they can be reached again.",
            "content": {
              "application/json": {
                "schema": {
                  "$ref": "#/components/schemas/Changed"
                },
                "example": {
                  "connections": 2,
                  "missing": [
                    "node-3"
                  ]
                }
              }
            }
          },
          "400": {
            "$ref": "#/components/responses/BadRequest"
          },
          "401": {
            "$ref": "#/components/responses/Unauthorized"
          },
          "403": {
            "$ref": "#/components/responses/Forbidden"
          },
          "503": {
            "$ref": "#/components/responses/Unavailable"
          },
          "504": {
            "$ref": "#/components/responses/Unknown"
          }
        }
      },
      "delete": {
        "operationId": "kick_user",
        "tags": [
          "Users"
        ],
        "summary": "Take a user's connections out of a room",
        "description": "Each is told `removed` with the code 4003.",
        "parameters": [
          {
            "$ref": "#/components/parameters/Room"
          },
          {
            "$ref": "#/components/parameters/User"
          }
        ],
        "responses": {
          "200": {
            "description": "Every node has taken them out; how many connections it concerned, which may be none.",
            "content": {
              "application/json": {
                "schema": {
                  "$ref": "#/components/schemas/Changed"
                },
                "example": {
                  "connections": 2
                }
              }
            }
          },
          "202": {
            "description": "Not every node has answered within two seconds. Those that are named carry it out when they can be reached again.",
            "content": {
              "application/json": {
                "schema": {
                  "$ref": "#/components/schemas/Changed"
                },
                "example": {
                  "connections": 2,
                  "missing": [
                    "node-3"
                  ]
                }
              }
            }
          },
          "400": {
            "$ref": "#/components/responses/BadRequest"
          },
          "401": {
            "$ref": "#/components/responses/Unauthorized"
          },
          "403": {
            "$ref": "#/components/responses/Forbidden"
          },
          "503": {
            "$ref": "#/components/responses/Unavailable"
          },
          "504": {
            "$ref": "#/components/responses/Unknown"
          }
        }
      }
    },
    "/v1/users/{user}/messages": {
      "post": {
        "operationId": "send_to_user",
        "tags": [
          "Users"
        ],
        "summary": "Send a message to a user",
        "description": "A `direct` push to every connection of the user, at most once.",
        "parameters": [
          {
            "$ref": "#/components/parameters/User"
          }
        ],
        "requestBody": {
          "required": true,
          "description": "The data, any JSON value, forwarded byte for byte.",
          "content": {
            "application/json": {
              "schema": {
                "$ref": "#/components/schemas/Data"
              },
              "example": {
                "text": "only for you"
              }
            }
          }
        },
        "responses": {
          "200": {
            "description": "Queued for that many connections, which may be none.",
            "content": {
              "application/json": {
                "schema": {
                  "$ref": "#/components/schemas/Delivered"
                },
                "example": {
                  "delivered": 3
                }
              }
            }
          },
          "202": {
            "description": "Queued on the nodes that answered within two seconds; the others may have missed it.",
            "content": {
              "application/json": {
                "schema": {
                  "$ref": "#/components/schemas/Delivered"
                },
                "example": {
                  "delivered": 1,
                  "missing": [
                    "node-3"
                  ]
                }
              }
            }
          },
          "400": {
            "$ref": "#/components/responses/BadRequest"
          },
          "401": {
            "$ref": "#/components/responses/Unauthorized"
          },
          "403": {
            "$ref": "#/components/responses/Forbidden"
          },
          "413": {
            "$ref": "#/components/responses/TooLarge"
          },
          "415": {
            "$ref": "#/components/responses/UnsupportedMediaType"
          },
          "503": {
            "$ref": "#/components/responses/Unavailable"
          },
          "504": {
            "$ref": "#/components/responses/Unknown"
          }
        }
      }
    },
    "/v1/users/{user}/connections": {
      "get": {
        "operationId": "list_connections",
        "tags": [
          "Users"
        ],
        "summary": "List a user's connections",
        "description": "At most 1,000.",
        "parameters": [
          {
            "$ref": "#/components/parameters/User"
          }
        ],
        "responses": {
          "200": {
            "description": "The connections; `missing` names nodes that did not answer.",
            "content": {
              "application/json": {
                "schema": {
                  "$ref": "#/components/schemas/ConnectionList"
                },
                "example": {
                  "connections": [
                    {
                      "connection": "ae45622d535d6a84-1.0.1",
                      "node": "node-1",
                      "user": "ada",
                      "address": "192.0.2.7",
                      "transport": "websocket",
                      "opened_at": 1795388380813,
                      "last_activity_at": 1795388390001,
                      "queue_bytes": 0,
                      "round_trip_us": 18211,
                      "rooms": [
                        "user:ada",
                        "chat:lobby"
                      ]
                    }
                  ]
                }
              }
            }
          },
          "400": {
            "$ref": "#/components/responses/BadRequest"
          },
          "401": {
            "$ref": "#/components/responses/Unauthorized"
          },
          "403": {
            "$ref": "#/components/responses/Forbidden"
          },
          "503": {
            "$ref": "#/components/responses/Unavailable"
          },
          "504": {
            "$ref": "#/components/responses/Unknown"
          }
        }
      },
      "delete": {
        "operationId": "disconnect_user",
        "tags": [
          "Users"
        ],
        "summary": "Disconnect a user",
        "description": "Every connection of the user is closed with 4003.",
        "parameters": [
          {
            "$ref": "#/components/parameters/User"
          },
          {
            "$ref": "#/components/parameters/Reason"
          }
        ],
        "responses": {
          "200": {
            "description": "Every node has closed them; how many connections it concerned, which may be none.",
            "content": {
              "application/json": {
                "schema": {
                  "$ref": "#/components/schemas/Changed"
                },
                "example": {
                  "connections": 2
                }
              }
            }
          },
          "202": {
            "description": "Not every node has answered within two seconds. Those that are named carry it out when they can be reached again.",
            "content": {
              "application/json": {
                "schema": {
                  "$ref": "#/components/schemas/Changed"
                },
                "example": {
                  "connections": 2,
                  "missing": [
                    "node-3"
                  ]
                }
              }
            }
          },
          "400": {
            "$ref": "#/components/responses/BadRequest"
          },
          "401": {
            "$ref": "#/components/responses/Unauthorized"
          },
          "403": {
            "$ref": "#/components/responses/Forbidden"
          },
          "503": {
            "$ref": "#/components/responses/Unavailable"
          },
          "504": {
            "$ref": "#/components/responses/Unknown"
          }
        }
      }
    },
    "/v1/connections/{connection}": {
      "get": {
        "operationId": "read_connection",
        "tags": [
          "Connections"
        ],
        "summary": "Read about a connection",
        "parameters": [
          {
            "$ref": "#/components/parameters/Connection"
          }
        ],
        "responses": {
          "200": {
            "description": "The connection.",
            "content": {
              "application/json": {
                "schema": {
                  "$ref": "#/components/schemas/Connection"
                },
                "example": {
                  "connection": "ae45622d535d6a84-1.0.1",
                  "node": "node-1",
                  "address": "192.0.2.7",
                  "transport": "websocket",
                  "opened_at": 1795388380813,
                  "last_activity_at": 1795388390001,
                  "queue_bytes": 0,
                  "rooms": []
                }
              }
            }
          },
          "400": {
            "$ref": "#/components/responses/BadRequest"
          },
          "401": {
            "$ref": "#/components/responses/Unauthorized"
          },
          "403": {
            "$ref": "#/components/responses/Forbidden"
          },
          "404": {
            "$ref": "#/components/responses/NotFound"
          },
          "503": {
            "$ref": "#/components/responses/Unavailable"
          },
          "504": {
            "$ref": "#/components/responses/Unknown"
          }
        }
      },
      "delete": {
        "operationId": "disconnect_connection",
        "tags": [
          "Connections"
        ],
        "summary": "Close a connection",
        "description": "With 4003.",
        "parameters": [
          {
            "$ref": "#/components/parameters/Connection"
          },
          {
            "$ref": "#/components/parameters/Reason"
          }
        ],
        "responses": {
          "200": {
            "description": "It is closed.",
            "content": {
              "application/json": {
                "schema": {
                  "$ref": "#/components/schemas/Changed"
                },
                "example": {
                  "connections": 1
                }
              }
            }
          },
          "202": {
            "description": "No node that answered has it; those that are named close it when they can be reached again.",
            "content": {
              "application/json": {
                "schema": {
                  "$ref": "#/components/schemas/Changed"
                },
                "example": {
                  "connections": 0,
                  "missing": [
                    "node-3"
                  ]
                }
              }
            }
          },
          "400": {
            "$ref": "#/components/responses/BadRequest"
          },
          "401": {
            "$ref": "#/components/responses/Unauthorized"
          },
          "403": {
            "$ref": "#/components/responses/Forbidden"
          },
          "404": {
            "$ref": "#/components/responses/NotFound"
          },
          "503": {
            "$ref": "#/components/responses/Unavailable"
          },
          "504": {
            "$ref": "#/components/responses/Unknown"
          }
        }
      }
    },
    "/v1/broadcast": {
      "post": {
        "operationId": "broadcast",
        "tags": [
          "Messages"
        ],
        "summary": "Publish into several rooms, or send to every connection",
        "description": "With `rooms`, one publish for each of them; the key counts for each room by itself. With `all`, a `direct` push to every connection of the cluster, at most once.",
        "parameters": [
          {
            "$ref": "#/components/parameters/IdempotencyKey"
          }
        ],
        "requestBody": {
          "required": true,
          "content": {
            "application/json": {
              "schema": {
                "oneOf": [
                  {
                    "$ref": "#/components/schemas/BroadcastRooms"
                  },
                  {
                    "$ref": "#/components/schemas/BroadcastAll"
                  }
                ]
              },
              "example": {
                "rooms": [
                  "chat:lobby",
                  "news"
                ],
                "data": {
                  "text": "hello"
                }
              }
            }
          }
        },
        "responses": {
          "200": {
            "description": "Every room has the message, or the message is queued for that many connections.",
            "content": {
              "application/json": {
                "schema": {
                  "oneOf": [
                    {
                      "$ref": "#/components/schemas/BroadcastResults"
                    },
                    {
                      "$ref": "#/components/schemas/Delivered"
                    }
                  ]
                },
                "example": {
                  "results": [
                    {
                      "room": "chat:lobby",
                      "epoch": "49e49afddfa7093ab9fc8728c3a622a5",
                      "offset": 19
                    },
                    {
                      "room": "news"
                    }
                  ]
                }
              }
            }
          },
          "202": {
            "description": "Sent to every connection of the nodes that answered within two seconds.",
            "content": {
              "application/json": {
                "schema": {
                  "$ref": "#/components/schemas/Delivered"
                },
                "example": {
                  "delivered": 120,
                  "missing": [
                    "node-3"
                  ]
                }
              }
            }
          },
          "400": {
            "$ref": "#/components/responses/BadRequest"
          },
          "401": {
            "$ref": "#/components/responses/Unauthorized"
          },
          "403": {
            "$ref": "#/components/responses/Forbidden"
          },
          "409": {
            "$ref": "#/components/responses/KeyConflict"
          },
          "413": {
            "$ref": "#/components/responses/TooLarge"
          },
          "415": {
            "$ref": "#/components/responses/UnsupportedMediaType"
          },
          "503": {
            "$ref": "#/components/responses/Unavailable"
          },
          "504": {
            "$ref": "#/components/responses/Unknown"
          }
        }
      }
    },
    "/v1/nodes": {
      "get": {
        "operationId": "list_nodes",
        "tags": [
          "Cluster"
        ],
        "summary": "List the nodes of the cluster",
        "responses": {
          "200": {
            "description": "The nodes, with what each said of itself last.",
            "content": {
              "application/json": {
                "schema": {
                  "$ref": "#/components/schemas/NodeList"
                },
                "example": {
                  "nodes": [
                    {
                      "node": "node-1",
                      "incarnation": "node-1",
                      "self": true,
                      "figures_age_ms": 412,
                      "phase": "serving",
                      "version": "0.1.0",
                      "connections": 120,
                      "connections_max": 9876,
                      "rooms": 17,
                      "members": 300,
                      "queue_bytes": 0,
                      "resident_bytes": 9437184,
                      "handshakes_per_second": 500,
                      "started_at": 1795388380813,
                      "uptime_seconds": 86400,
                      "load": 0.07,
                      "rates": {
                        "messages_in": 120.5,
                        "messages_out": 4210,
                        "bytes_in": 20480,
                        "bytes_out": 716800,
                        "handshakes": 0.5
                      },
                      "addresses": {
                        "listen": "0.0.0.0:8080",
                        "admin": "127.0.0.1:8081"
                      }
                    }
                  ]
                }
              }
            }
          },
          "400": {
            "$ref": "#/components/responses/BadRequest"
          },
          "401": {
            "$ref": "#/components/responses/Unauthorized"
          },
          "403": {
            "$ref": "#/components/responses/Forbidden"
          },
          "503": {
            "$ref": "#/components/responses/Unavailable"
          },
          "504": {
            "$ref": "#/components/responses/Unknown"
          }
        },
        "description": "Each node publishes its figures once a second. While Redis is away the answer holds the asked node alone, and `missing` names those that were seen last."
      }
    },
    "/v1/drain": {
      "get": {
        "operationId": "read_drain",
        "tags": [
          "Cluster"
        ],
        "summary": "Read how far this node's drain is",
        "responses": {
          "200": {
            "description": "Where it is, and what is left.",
            "content": {
              "application/json": {
                "schema": {
                  "$ref": "#/components/schemas/Drain"
                },
                "example": {
                  "step": "moving",
                  "cause": "signal",
                  "started_at": 1795388380813,
                  "window_ends_at": 1795388415813,
                  "connections": 80,
                  "told": 52,
                  "closed": 31,
                  "pace": 12
                }
              }
            }
          },
          "400": {
            "$ref": "#/components/responses/BadRequest"
          },
          "401": {
            "$ref": "#/components/responses/Unauthorized"
          },
          "403": {
            "$ref": "#/components/responses/Forbidden"
          }
        }
      },
      "post": {
        "operationId": "drain",
        "tags": [
          "Cluster"
        ],
        "summary": "Drain this node",
        "description": "Only the node that is asked. It is not ready at once, takes connections for `drain.lb_grace` longer, sends them away over `drain.window`, and ends when the last one is gone. A node that drains already goes on as it was.",
        "responses": {
          "202": {
            "description": "It drains.",
            "content": {
              "application/json": {
                "schema": {
                  "$ref": "#/components/schemas/Drain"
                },
                "example": {
                  "step": "grace",
                  "cause": "request",
                  "started_at": 1795388380813,
                  "connections": 120,
                  "told": 0,
                  "closed": 0,
                  "pace": 0
                }
              }
            }
          },
          "400": {
            "$ref": "#/components/responses/BadRequest"
          },
          "401": {
            "$ref": "#/components/responses/Unauthorized"
          },
          "403": {
            "$ref": "#/components/responses/Forbidden"
          }
        }
      }
    },
    "/v1/undrain": {
      "post": {
        "operationId": "undrain",
        "tags": [
          "Cluster"
        ],
        "summary": "Take the drain of this node back",
        "description": "As long as it still takes connections, and unless a signal asked for the drain.",
        "responses": {
          "200": {
            "description": "It serves on.",
            "content": {
              "application/json": {
                "schema": {
                  "$ref": "#/components/schemas/Drain"
                },
                "example": {
                  "step": "serving",
                  "connections": 120,
                  "told": 0,
                  "closed": 0,
                  "pace": 0
                }
              }
            }
          },
          "400": {
            "$ref": "#/components/responses/BadRequest"
          },
          "401": {
            "$ref": "#/components/responses/Unauthorized"
          },
          "403": {
            "$ref": "#/components/responses/Forbidden"
          },
          "409": {
            "description": "There is no drain, or none that can be taken back.",
            "content": {
              "application/problem+json": {
                "schema": {
                  "$ref": "#/components/schemas/Problem"
                },
                "example": {
                  "type": "about:blank",
                  "title": "Conflict",
                  "status": 409,
                  "detail": "There is no drain to take back: none was begun here, or it has gone too far.",
                  "code": "conflict"
                }
              }
            }
          }
        }
      }
    },
    "/v1/top": {
      "get": {
        "operationId": "read_top",
        "tags": [
          "Cluster"
        ],
        "summary": "Read which rooms and connections have the most",
        "description": "The largest and the busiest rooms, the deepest queues and the busiest connections. Figures are collected when they are asked for, in slices that no delivery waits for. A member count is the sum over those shards and nodes on which the room is among the largest, so it may be too low.",
        "parameters": [
          {
            "name": "limit",
            "in": "query",
            "description": "Entries of each list.",
            "schema": {
              "type": "integer",
              "minimum": 1,
              "maximum": 100,
              "default": 10
            }
          },
          {
            "name": "node",
            "in": "query",
            "description": "The id of the only node that is asked; every node without it.",
            "schema": {
              "type": "string",
              "minLength": 1,
              "maxLength": 255,
              "example": "node-1"
            }
          }
        ],
        "responses": {
          "200": {
            "description": "The most first.",
            "content": {
              "application/json": {
                "schema": {
                  "$ref": "#/components/schemas/Top"
                },
                "example": {
                  "rooms": [
                    {
                      "room": "chat:lobby",
                      "members": 17,
                      "messages_per_second": 4.5
                    }
                  ],
                  "busiest_rooms": [
                    {
                      "room": "chat:lobby",
                      "messages_per_second": 4.5
                    }
                  ],
                  "queues": [
                    {
                      "connection": "ae45622d535d6a84-1.0.1",
                      "node": "node-1",
                      "user": "ada",
                      "address": "192.0.2.7",
                      "room_count": 3,
                      "queue_bytes": 65536,
                      "messages_per_second": 0.5
                    }
                  ],
                  "busiest_connections": [
                    {
                      "connection": "ae45622d535d6a84-1.0.1",
                      "node": "node-1",
                      "user": "ada",
                      "address": "192.0.2.7",
                      "room_count": 3,
                      "queue_bytes": 65536,
                      "messages_per_second": 0.5
                    }
                  ]
                }
              }
            }
          },
          "400": {
            "$ref": "#/components/responses/BadRequest"
          },
          "401": {
            "$ref": "#/components/responses/Unauthorized"
          },
          "403": {
            "$ref": "#/components/responses/Forbidden"
          },
          "404": {
            "$ref": "#/components/responses/NotFound"
          },
          "503": {
            "$ref": "#/components/responses/Unavailable"
          },
          "504": {
            "$ref": "#/components/responses/Unknown"
          }
        }
      }
    },
    "/healthz": {
      "get": {
        "operationId": "read_health",
        "tags": [
          "Node"
        ],
        "summary": "Whether the process works",
        "security": [],
        "responses": {
          "200": {
            "description": "It works.",
            "content": {
              "text/plain": {
                "schema": {
                  "type": "string"
                },
                "example": "ok\n"
              }
            }
          }
        }
      }
    },
    "/readyz": {
      "get": {
        "operationId": "read_readiness",
        "tags": [
          "Node"
        ],
        "summary": "Whether the node takes connections",
        "security": [],
        "responses": {
          "200": {
            "description": "It does.",
            "content": {
              "text/plain": {
                "schema": {
                  "type": "string"
                },
                "example": "serving\n"
              }
            }
          },
          "503": {
            "description": "It does not; the body names its phase.",
            "content": {
              "text/plain": {
                "schema": {
                  "type": "string"
                },
                "example": "draining\n"
              }
            }
          }
        }
      }
    },
    "/metrics": {
      "get": {
        "operationId": "read_metrics",
        "tags": [
          "Node"
        ],
        "summary": "All metrics as Prometheus text",
        "security": [],
        "responses": {
          "200": {
            "description": "The metrics.",
            "content": {
              "text/plain": {
                "schema": {
                  "type": "string"
                },
                "example": "roost_connections 120\n"
              }
            }
          }
        }
      }
    },
    "/openapi.json": {
      "get": {
        "operationId": "read_openapi",
        "tags": [
          "Node"
        ],
        "summary": "This document",
        "security": [],
        "responses": {
          "200": {
            "description": "The document.",
            "content": {
              "application/json": {
                "schema": {
                  "type": "object"
                }
              }
            }
          }
        }
      }
    },
    "/v1/revocations": {
      "post": {
        "operationId": "revoke_tokens",
        "tags": [
          "Users"
        ],
        "summary": "Take tokens back",
        "description": "Connections that were opened or refreshed with such a token are closed with 4001 on every node, and the tokens are refused until the last of them has expired, also by nodes that come later. Without Redis a node forgets it when it ends.",
        "requestBody": {
          "required": true,
          "content": {
            "application/json": {
              "schema": {
                "oneOf": [
                  {
                    "$ref": "#/components/schemas/RevokeUser"
                  },
                  {
                    "$ref": "#/components/schemas/RevokeToken"
                  },
                  {
                    "$ref": "#/components/schemas/RevokeEverything"
                  }
                ]
              },
              "example": {
                "user": "ada"
              }
            }
          }
        },
        "responses": {
          "200": {
            "description": "Every node refuses the tokens; how many connections were closed, which may be none.",
            "content": {
              "application/json": {
                "schema": {
                  "$ref": "#/components/schemas/Changed"
                },
                "example": {
                  "connections": 2
                }
              }
            }
          },
          "202": {
            "description": "Not every node has answered within two seconds. Those that are named carry it out when they can be reached again.",
            "content": {
              "application/json": {
                "schema": {
                  "$ref": "#/components/schemas/Changed"
                },
                "example": {
                  "connections": 2,
                  "missing": [
                    "node-3"
                  ]
                }
              }
            }
          },
          "400": {
            "$ref": "#/components/responses/BadRequest"
          },
          "401": {
            "$ref": "#/components/responses/Unauthorized"
          },
          "403": {
            "$ref": "#/components/responses/Forbidden"
          },
          "413": {
            "$ref": "#/components/responses/TooLarge"
          },
          "415": {
            "$ref": "#/components/responses/UnsupportedMediaType"
          },
          "503": {
            "$ref": "#/components/responses/Unavailable"
          },
          "504": {
            "$ref": "#/components/responses/Unknown"
          }
        }
      }
    }
  },
  "components": {
    "securitySchemes": {
      "apiKey": {
        "type": "http",
        "scheme": "bearer",
        "description": "One of `auth.api_keys`. Under `--dev` none is needed."
      }
    },
    "parameters": {
      "Room": {
        "name": "room",
        "in": "path",
        "required": true,
        "description": "A room's name as one percent-encoded segment: `a/b` is `a%2Fb`.",
        "schema": {
          "$ref": "#/components/schemas/RoomName"
        },
        "example": "chat:lobby"
      },
      "User": {
        "name": "user",
        "in": "path",
        "required": true,
        "description": "A user's name as one percent-encoded segment.",
        "schema": {
          "$ref": "#/components/schemas/UserName"
        },
        "example": "ada"
      },
      "Connection": {
        "name": "connection",
        "in": "path",
        "required": true,
        "description": "A connection's id, as `welcome` tells it.",
        "schema": {
          "$ref": "#/components/schemas/ConnectionID"
        },
        "example": "ae45622d535d6a84-1.0.1"
      },
      "Limit": {
        "name": "limit",
        "in": "query",
        "description": "Entries in the answer; what is over the node's own limit counts as that.",
        "schema": {
          "type": "integer",
          "minimum": 1,
          "maximum": 100000
        }
      },
      "Reason": {
        "name": "reason",
        "in": "query",
        "description": "The reason in the close frame.",
        "schema": {
          "type": "string",
          "minLength": 1,
          "maxLength": 30,
          "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]+$"
        },
        "example": "signed out"
      },
      "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "The same key with the same data, for the same room and API key, is published once within `limits.idempotency_window`.",
        "schema": {
          "type": "string",
          "minLength": 1,
          "maxLength": 128,
          "pattern": "^[!-~]+$"
        },
        "example": "order-17"
      }
    },
    "responses": {
      "BadRequest": {
        "description": "Something in the request is not as this document says; `detail` names it.",
        "content": {
          "application/problem+json": {
            "schema": {
              "$ref": "#/components/schemas/Problem"
            },
            "example": {
              "type": "about:blank",
              "title": "Bad Request",
              "status": 400,
              "detail": "`limit` is a whole number from 1 to 1000.",
              "code": "bad_request"
            }
          }
        }
      },
      "Unauthorized": {
        "description": "No API key, or not a known one.",
        "headers": {
          "WWW-Authenticate": {
            "description": "`Bearer`.",
            "schema": {
              "type": "string"
            }
          }
        },
        "content": {
          "application/problem+json": {
            "schema": {
              "$ref": "#/components/schemas/Problem"
            },
            "example": {
              "type": "about:blank",
              "title": "Unauthorized",
              "status": 401,
              "detail": "The API key is not a known one.",
              "code": "unauthorized"
            }
          }
        }
      },
      "Forbidden": {
        "description": "The room's namespace is not configured or keeps no such thing, the room is a user's own, or no API key is configured at all.",
        "content": {
          "application/problem+json": {
            "schema": {
              "$ref": "#/components/schemas/Problem"
            },
            "example": {
              "type": "about:blank",
              "title": "Forbidden",
              "status": 403,
              "detail": "The room's namespace keeps no history.",
              "code": "forbidden"
            }
          }
        }
      },
      "NotFound": {
        "description": "There is no such connection or node.",
        "content": {
          "application/problem+json": {
            "schema": {
              "$ref": "#/components/schemas/Problem"
            },
            "example": {
              "type": "about:blank",
              "title": "Not Found",
              "status": 404,
              "detail": "There is no such connection.",
              "code": "not_found"
            }
          }
        }
      },
      "KeyConflict": {
        "description": "The key was used for other data. A broadcast lists each room in `results`.",
        "content": {
          "application/problem+json": {
            "schema": {
              "$ref": "#/components/schemas/Problem"
            },
            "example": {
              "type": "about:blank",
              "title": "Conflict",
              "status": 409,
              "detail": "The key was used for other data within limits.idempotency_window.",
              "code": "bad_request"
            }
          }
        }
      },
      "TooLarge": {
        "description": "The data is longer than a message may be.",
        "content": {
          "application/problem+json": {
            "schema": {
              "$ref": "#/components/schemas/Problem"
            },
            "example": {
              "type": "about:blank",
              "title": "Content Too Large",
              "status": 413,
              "detail": "A message has at most 65536 bytes (limits.message_bytes).",
              "code": "too_large"
            }
          }
        }
      },
      "UnsupportedMediaType": {
        "description": "The body is of another type, or compressed.",
        "content": {
          "application/problem+json": {
            "schema": {
              "$ref": "#/components/schemas/Problem"
            },
            "example": {
              "type": "about:blank",
              "title": "Unsupported Media Type",
              "status": 415,
              "detail": "Content-Type is application/json here.",
              "code": "unsupported_media_type"
            }
          }
        }
      },
      "Unavailable": {
        "description": "Certainly not done: try again after `Retry-After`.",
        "headers": {
          "Retry-After": {
            "description": "Whole seconds.",
            "schema": {
              "type": "integer",
              "minimum": 1
            }
          }
        },
        "content": {
          "application/problem+json": {
            "schema": {
              "$ref": "#/components/schemas/Problem"
            },
            "example": {
              "type": "about:blank",
              "title": "Service Unavailable",
              "status": 503,
              "detail": "It was not done: try again.",
              "code": "unavailable"
            }
          }
        }
      },
      "Unknown": {
        "description": "It may have been done: repeat it with the same key.",
        "content": {
          "application/problem+json": {
            "schema": {
              "$ref": "#/components/schemas/Problem"
            },
            "example": {
              "type": "about:blank",
              "title": "Gateway Timeout",
              "status": 504,
              "detail": "No answer came in time: it may have been done. Repeat it with the same key.",
              "code": "unknown"
            }
          }
        }
      }
    },
    "schemas": {
      "RoomName": {
        "type": "string",
        "minLength": 1,
        "pattern": "^[^\\u0000-\\u0020\\u007f-\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]+$",
        "description": "1 to 255 bytes of UTF-8 (bytes, which a schema cannot count) without control characters and white space. What stands before the first colon is the namespace.",
        "examples": [
          "chat:lobby"
        ]
      },
      "UserName": {
        "type": "string",
        "minLength": 1,
        "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]+$",
        "description": "1 to 128 bytes of UTF-8 (bytes, which a schema cannot count) without control characters.",
        "examples": [
          "ada"
        ]
      },
      "ConnectionID": {
        "type": "string",
        "maxLength": 40,
        "pattern": "^[0-9a-f]{1,16}-[0-9a-f]{1,4}\\.[0-9a-f]{1,8}\\.[0-9a-f]{1,8}$",
        "examples": [
          "ae45622d535d6a84-1.0.1"
        ]
      },
      "Epoch": {
        "type": "string",
        "pattern": "^[0-9a-f]{32}$",
        "description": "The life of a room's log.",
        "examples": [
          "49e49afddfa7093ab9fc8728c3a622a5"
        ]
      },
      "Offset": {
        "type": "integer",
        "minimum": 0,
        "description": "The number of a message in its epoch, from 1; 0 before the first."
      },
      "Data": {
        "description": "Any JSON value, nested at most 63 levels, of at most `limits.message_bytes` bytes.",
        "examples": [
          {
            "text": "hello"
          }
        ]
      },
      "Members": {
        "type": "integer",
        "minimum": 0,
        "description": "Connections in the room."
      },
      "Missing": {
        "type": "array",
        "items": {
          "type": "string"
        },
        "minItems": 1,
        "description": "Ids of nodes that did not answer within two seconds; absent when all did."
      },
      "RoomSize": {
        "type": "object",
        "properties": {
          "room": {
            "$ref": "#/components/schemas/RoomName"
          },
          "members": {
            "$ref": "#/components/schemas/Members"
          }
        },
        "required": [
          "room",
          "members"
        ]
      },
      "RoomList": {
        "type": "object",
        "properties": {
          "rooms": {
            "type": "array",
            "items": {
              "$ref": "#/components/schemas/RoomSize"
            }
          },
          "next": {
            "$ref": "#/components/schemas/RoomName"
          },
          "missing": {
            "$ref": "#/components/schemas/Missing"
          }
        },
        "required": [
          "rooms"
        ]
      },
      "Room": {
        "type": "object",
        "properties": {
          "room": {
            "$ref": "#/components/schemas/RoomName"
          },
          "epoch": {
            "$ref": "#/components/schemas/Epoch"
          },
          "offset": {
            "$ref": "#/components/schemas/Offset"
          },
          "members": {
            "$ref": "#/components/schemas/Members"
          }
        },
        "required": [
          "room",
          "members"
        ],
        "description": "`epoch` and `offset` only where the room has a log."
      },
      "Published": {
        "type": "object",
        "properties": {
          "room": {
            "$ref": "#/components/schemas/RoomName"
          },
          "epoch": {
            "$ref": "#/components/schemas/Epoch"
          },
          "offset": {
            "$ref": "#/components/schemas/Offset"
          }
        },
        "required": [
          "room"
        ],
        "description": "`epoch` and `offset` only in rooms with history."
      },
      "Member": {
        "type": "object",
        "properties": {
          "connection": {
            "$ref": "#/components/schemas/ConnectionID"
          },
          "user": {
            "type": "string"
          },
          "info": {
            "description": "What the connection's token says about its user."
          }
        },
        "required": [
          "connection"
        ]
      },
      "Presence": {
        "type": "object",
        "properties": {
          "members": {
            "type": "array",
            "items": {
              "$ref": "#/components/schemas/Member"
            }
          },
          "next": {
            "type": "integer",
            "minimum": 0
          }
        },
        "required": [
          "members"
        ]
      },
      "Message": {
        "type": "object",
        "properties": {
          "offset": {
            "$ref": "#/components/schemas/Offset"
          },
          "data": {
            "description": "The data; a binary message as `{\"binary\": base64}`."
          },
          "from": {
            "$ref": "#/components/schemas/Member"
          },
          "time": {
            "type": "integer",
            "description": "Milliseconds since 1970."
          }
        },
        "required": [
          "offset",
          "data"
        ]
      },
      "History": {
        "type": "object",
        "properties": {
          "messages": {
            "type": "array",
            "items": {
              "$ref": "#/components/schemas/Message"
            }
          },
          "epoch": {
            "$ref": "#/components/schemas/Epoch"
          },
          "offset": {
            "$ref": "#/components/schemas/Offset"
          },
          "recovered": {
            "type": "boolean"
          }
        },
        "required": [
          "messages",
          "epoch",
          "offset"
        ]
      },
      "Changed": {
        "type": "object",
        "properties": {
          "connections": {
            "type": "integer",
            "minimum": 0,
            "description": "Connections that it concerned."
          },
          "missing": {
            "$ref": "#/components/schemas/Missing"
          }
        },
        "required": [
          "connections"
        ]
      },
      "Delivered": {
        "type": "object",
        "properties": {
          "delivered": {
            "type": "integer",
            "minimum": 0,
            "description": "Connections that the message was queued for."
          },
          "missing": {
            "$ref": "#/components/schemas/Missing"
          }
        },
        "required": [
          "delivered"
        ]
      },
      "Connection": {
        "type": "object",
        "properties": {
          "connection": {
            "$ref": "#/components/schemas/ConnectionID"
          },
          "node": {
            "type": "string",
            "description": "The node that holds it."
          },
          "user": {
            "type": "string"
          },
          "address": {
            "type": "string"
          },
          "transport": {
            "enum": [
              "websocket",
              "events"
            ]
          },
          "opened_at": {
            "type": "integer",
            "description": "Milliseconds since 1970."
          },
          "last_activity_at": {
            "type": "integer",
            "description": "When bytes came from it last, in milliseconds since 1970."
          },
          "queue_bytes": {
            "type": "integer",
            "minimum": 0,
            "description": "Bytes that wait for it."
          },
          "round_trip_us": {
            "type": "integer",
            "minimum": 1,
            "description": "Microseconds from the last ping to its pong; absent before the first."
          },
          "rooms": {
            "type": "array",
            "items": {
              "$ref": "#/components/schemas/RoomName"
            }
          }
        },
        "required": [
          "connection",
          "node",
          "address",
          "transport",
          "opened_at",
          "last_activity_at",
          "queue_bytes",
          "rooms"
        ]
      },
      "ConnectionList": {
        "type": "object",
        "properties": {
          "connections": {
            "type": "array",
            "items": {
              "$ref": "#/components/schemas/Connection"
            }
          },
          "missing": {
            "$ref": "#/components/schemas/Missing"
          }
        },
        "required": [
          "connections"
        ]
      },
      "BroadcastRooms": {
        "type": "object",
        "properties": {
          "rooms": {
            "type": "array",
            "items": {
              "$ref": "#/components/schemas/RoomName"
            },
            "minItems": 1,
            "maxItems": 1000,
            "uniqueItems": true
          },
          "data": {
            "$ref": "#/components/schemas/Data"
          }
        },
        "required": [
          "rooms",
          "data"
        ],
        "additionalProperties": false
      },
      "BroadcastAll": {
        "type": "object",
        "properties": {
          "all": {
            "const": true
          },
          "data": {
            "$ref": "#/components/schemas/Data"
          }
        },
        "required": [
          "all",
          "data"
        ],
        "additionalProperties": false
      },
      "BroadcastResult": {
        "type": "object",
        "properties": {
          "room": {
            "$ref": "#/components/schemas/RoomName"
          },
          "epoch": {
            "$ref": "#/components/schemas/Epoch"
          },
          "offset": {
            "$ref": "#/components/schemas/Offset"
          },
          "problem": {
            "$ref": "#/components/schemas/Problem"
          }
        },
        "required": [
          "room"
        ]
      },
      "BroadcastResults": {
        "type": "object",
        "properties": {
          "results": {
            "type": "array",
            "items": {
              "$ref": "#/components/schemas/BroadcastResult"
            }
          }
        },
        "required": [
          "results"
        ]
      },
      "Node": {
        "type": "object",
        "properties": {
          "node": {
            "type": "string"
          },
          "incarnation": {
            "type": "string",
            "description": "This start of the node."
          },
          "self": {
            "type": "boolean",
            "description": "Whether it is the one that answers."
          },
          "lease_age_ms": {
            "type": "integer",
            "minimum": 0,
            "description": "Since its lease was renewed; absent where there are no leases."
          },
          "figures_age_ms": {
            "type": "integer",
            "minimum": 0,
            "description": "Since the node said what follows: about a second at most, more when it cannot reach Redis."
          },
          "phase": {
            "enum": [
              "starting",
              "serving",
              "draining",
              "stopped"
            ]
          },
          "version": {
            "type": "string"
          },
          "not_ready": {
            "type": "string",
            "description": "Why it takes no new connections just now; absent when it does."
          },
          "connections": {
            "type": "integer"
          },
          "connections_max": {
            "type": "integer",
            "description": "Connections that it lets in at most."
          },
          "rooms": {
            "type": "integer"
          },
          "members": {
            "type": "integer"
          },
          "queue_bytes": {
            "type": "integer",
            "description": "Bytes that wait for its connections."
          },
          "resident_bytes": {
            "type": "integer",
            "description": "Memory of the process that is in RAM."
          },
          "handshakes_per_second": {
            "type": "integer",
            "description": "New connections a second that it would take from a draining neighbour; absent without a limit."
          },
          "started_at": {
            "type": "integer",
            "description": "Milliseconds since 1970."
          },
          "uptime_seconds": {
            "type": "integer"
          },
          "load": {
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "description": "The share of the last second that its busiest shard was working."
          },
          "rates": {
            "type": "object",
            "description": "A second, since it spoke before; absent in the first second.",
            "properties": {
              "messages_in": {
                "type": "number",
                "minimum": 0,
                "description": "Messages from clients."
              },
              "messages_out": {
                "type": "number",
                "minimum": 0,
                "description": "Messages queued for members and users, one for each."
              },
              "bytes_in": {
                "type": "number",
                "minimum": 0,
                "description": "Bytes from sockets."
              },
              "bytes_out": {
                "type": "number",
                "minimum": 0,
                "description": "Bytes to sockets."
              },
              "handshakes": {
                "type": "number",
                "minimum": 0,
                "description": "New connections."
              }
            }
          },
          "redis": {
            "type": "object",
            "description": "Its links to Redis; absent where there are none.",
            "properties": {
              "commands": {
                "type": "boolean",
                "description": "Whether the link for commands is open."
              },
              "subscriptions": {
                "type": "boolean",
                "description": "Whether the link that messages come over is open."
              },
              "late": {
                "type": "boolean",
                "description": "Whether the last probe is overdue."
              },
              "probe_age_ms": {
                "type": "integer",
                "minimum": 0,
                "description": "Since a message of its own came back through Redis."
              }
            }
          },
          "addresses": {
            "type": "object",
            "properties": {
              "listen": {
                "type": "string"
              },
              "admin": {
                "type": "string"
              }
            }
          }
        },
        "required": [
          "node",
          "incarnation",
          "self"
        ]
      },
      "NodeList": {
        "type": "object",
        "properties": {
          "nodes": {
            "type": "array",
            "items": {
              "$ref": "#/components/schemas/Node"
            }
          },
          "missing": {
            "$ref": "#/components/schemas/Missing"
          }
        },
        "required": [
          "nodes"
        ]
      },
      "RoomActivity": {
        "type": "object",
        "properties": {
          "room": {
            "$ref": "#/components/schemas/RoomName"
          },
          "members": {
            "$ref": "#/components/schemas/Members"
          },
          "messages_per_second": {
            "type": "number",
            "minimum": 0,
            "description": "Messages a second, lately."
          }
        },
        "required": [
          "room",
          "messages_per_second"
        ]
      },
      "ConnectionActivity": {
        "type": "object",
        "properties": {
          "connection": {
            "$ref": "#/components/schemas/ConnectionID"
          },
          "node": {
            "type": "string"
          },
          "user": {
            "type": "string"
          },
          "address": {
            "type": "string"
          },
          "room_count": {
            "type": "integer",
            "minimum": 0
          },
          "queue_bytes": {
            "type": "integer",
            "minimum": 0,
            "description": "Bytes that wait for it."
          },
          "messages_per_second": {
            "type": "number",
            "minimum": 0,
            "description": "Messages a second that came from it lately."
          }
        },
        "required": [
          "connection",
          "node",
          "address",
          "room_count",
          "queue_bytes",
          "messages_per_second"
        ]
      },
      "Top": {
        "type": "object",
        "properties": {
          "rooms": {
            "type": "array",
            "description": "By members.",
            "items": {
              "$ref": "#/components/schemas/RoomActivity"
            }
          },
          "busiest_rooms": {
            "type": "array",
            "description": "By messages a second; without members.",
            "items": {
              "$ref": "#/components/schemas/RoomActivity"
            }
          },
          "queues": {
            "type": "array",
            "description": "By bytes that wait.",
            "items": {
              "$ref": "#/components/schemas/ConnectionActivity"
            }
          },
          "busiest_connections": {
            "type": "array",
            "description": "By messages a second.",
            "items": {
              "$ref": "#/components/schemas/ConnectionActivity"
            }
          },
          "missing": {
            "$ref": "#/components/schemas/Missing"
          }
        },
        "required": [
          "rooms",
          "busiest_rooms",
          "queues",
          "busiest_connections"
        ]
      },
      "Problem": {
        "type": "object",
        "properties": {
          "type": {
            "const": "about:blank"
          },
          "title": {
            "type": "string",
            "description": "The status's phrase."
          },
          "status": {
            "type": "integer",
            "minimum": 400,
            "maximum": 599
          },
          "detail": {
            "type": "string",
            "description": "What is wrong with this request, for people."
          },
          "code": {
            "enum": [
              "bad_request",
              "unknown_type",
              "unauthorized",
              "token_expired",
              "forbidden",
              "not_joined",
              "limit_exceeded",
              "rate_limited",
              "too_large",
              "unavailable",
              "unknown",
              "internal",
              "not_found",
              "method_not_allowed",
              "unsupported_media_type",
              "bad_http",
              "conflict"
            ],
            "description": "What is wrong, for programs: the protocol's error codes, and five words that only HTTP needs."
          },
          "missing": {
            "$ref": "#/components/schemas/Missing"
          },
          "results": {
            "type": "array",
            "items": {
              "$ref": "#/components/schemas/BroadcastResult"
            },
            "description": "What became of each room of a broadcast."
          }
        },
        "required": [
          "type",
          "title",
          "status",
          "detail",
          "code"
        ],
        "description": "A problem document, RFC 9457."
      },
      "RevokeUser": {
        "type": "object",
        "required": [
          "user"
        ],
        "additionalProperties": false,
        "properties": {
          "user": {
            "$ref": "#/components/schemas/UserName",
            "description": "All tokens of this user (`sub`)."
          },
          "issued_before": {
            "type": "integer",
            "minimum": 1,
            "maximum": 32503680000,
            "description": "Only tokens issued before this time (`iat`), in seconds since 1970; a token that does not say when counts as issued before. Without it, all that were issued so far."
          }
        }
      },
      "RevokeToken": {
        "type": "object",
        "required": [
          "token_id"
        ],
        "additionalProperties": false,
        "properties": {
          "token_id": {
            "type": "string",
            "minLength": 1,
            "description": "The name (`jti`) of one token, 1 to 128 bytes of UTF-8 (bytes, which a schema cannot count)."
          }
        }
      },
      "RevokeEverything": {
        "type": "object",
        "required": [
          "everything"
        ],
        "additionalProperties": false,
        "properties": {
          "everything": {
            "type": "boolean",
            "const": true,
            "description": "All tokens, whoever has them."
          },
          "issued_before": {
            "type": "integer",
            "minimum": 1,
            "maximum": 32503680000,
            "description": "Only tokens issued before this time (`iat`), in seconds since 1970; a token that does not say when counts as issued before. Without it, all that were issued so far."
          }
        }
      },
      "Drain": {
        "type": "object",
        "properties": {
          "step": {
            "enum": [
              "serving",
              "grace",
              "moving",
              "flushing",
              "cut"
            ],
            "description": "`grace`: not ready, but still accepting; `moving`: connections are sent away; `flushing`: none is left; `cut`: ended before its time."
          },
          "cause": {
            "enum": [
              "signal",
              "request"
            ],
            "description": "What asked for it; absent while the node serves."
          },
          "started_at": {
            "type": "integer",
            "description": "When it began, in milliseconds since 1970."
          },
          "window_ends_at": {
            "type": "integer",
            "description": "When the last connection is to be gone, in milliseconds since 1970; only while connections are sent away."
          },
          "connections": {
            "type": "integer",
            "minimum": 0,
            "description": "Connections and event streams that are left."
          },
          "told": {
            "type": "integer",
            "minimum": 0,
            "description": "Those that were told to go since the node's start."
          },
          "closed": {
            "type": "integer",
            "minimum": 0,
            "description": "Those that the node had to close."
          },
          "pace": {
            "type": "integer",
            "minimum": 0,
            "description": "Connections a second that are sent away now."
          }
        },
        "required": [
          "step",
          "connections",
          "told",
          "closed",
          "pace"
        ]
      }
    }
  }
}

"""##
}
