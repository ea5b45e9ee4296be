# SPDX-License-Identifier: Apache-2.0
"""From a vendor's URL to checked pixels.

loading             a URL's views, or why there are none; one work for all who ask at once (single_flight)
├── files           a body that lies here, for commands
├── http            a body: hops, retries; each hop is a step (steps); who hears what of it (fetched)
│   ├── urls        what may be asked for at all
│   │   ├── vendor_hosts      by the vendor's lists
│   │   └── addresses         by address (special_purpose, from registries; ranges, wrappings)
│   ├── hosts       when: slots and queues (gate), failures, Retry-After
│   └── exchange    one request and its answer (bodies, memory, deadlines) or what went wrong (failures)
│       └── dialling          the one door to the network (resolving, dial); which connections stay open
│                             (kept_connections), and what each may send (line, read_limit)
└── decode_pool     the views: what a file says of itself (sniff, isobmff, png, animation), limits (decoding), then,
    │               on threads that vendors share by the second (fair_threads, fair_queue)
    ├── pixels      the views themselves, frozen: fast for JPEG, with Pillow (pillow) for the rest
    └── sandbox     those of AVIF and HEIC, in a process of their own (sandbox_process)
check               the same for an operator, step by step
"""
