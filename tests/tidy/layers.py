"""Who may include whom: the table of the architecture, as data. The longest matching folder counts.
A change here is a change of the architecture: it belongs into docs/architecture.md as well."""

# Folder -> the folders that its files may include, besides itself.
FOLDERS = {
    "src/base": [],
    "src/model": ["base"],
    "src/core": ["base", "model"],
    "src/codec": ["base", "model"],
    "src/loop": ["base", "model", "core"],
    "src/twin": ["base", "model", "core", "codec", "loop"],
    "src/engines": ["base", "model", "codec", "loop"],
    # engines: hooks run under the supervisor of engines/local, and so outlive the control plane.
    "src/engines/hooks": ["base", "model", "codec", "loop", "engines", "engines/local"],
    # core too: the port Journal names the core's State, which a snapshot holds.
    "src/journal": ["base", "model", "core", "codec", "loop"],
    "src/http/client": ["base"],
    # twin: forecasts are asked for here, and run there.
    "src/http": ["base", "model", "core", "codec", "loop", "twin"],
    # What a node sees of itself. It knows no network: the command line hands in how to send.
    "src/agent": ["base", "model", "codec"],
    # Checks that come with the program: what a node finds out about itself when it is asked.
    "src/checks": ["base", "model", "codec", "agent"],
    "src/cli": ["base", "model", "codec", "agent", "checks", "http/client"],
    # Slurm's commands, over the same API client and terminal as our own verbs.
    "src/slurm_face": ["base", "model", "codec", "http/client", "cli"],
    "apps": ["base", "model", "core", "codec", "loop", "twin", "engines", "engines/hooks",
             "journal", "http", "http/client", "cli", "slurm_face"],
}

# These hold the brain: the same on every machine, so nothing but the language's own containers
# and algorithms.
PURE_FOLDERS = ["src/base", "src/model", "src/core"]

# Prefix of an include -> (what it is, the folders that adapt it).
LIBRARIES = {
    "boost/json": ("Boost.JSON", ["src/codec", "src/journal", "src/engines", "src/http", "src/cli",
                                  "src/slurm_face", "apps"]),
    "boost/asio": ("Boost.Asio", ["src/http", "src/http/client"]),
    "boost/beast": ("Boost.Beast", ["src/http", "src/http/client"]),
    "boost/system": ("Boost.System", ["src/codec", "src/http", "src/http/client"]),
    "boost/unordered": ("Boost.Unordered", ["src/loop"]),
    "yaml-cpp/": ("yaml-cpp", ["src/codec"]),
    "CLI/": ("CLI11", ["src/cli", "apps"]),
    "fmt/": ("fmt", ["src/codec", "src/twin", "src/engines", "src/journal", "src/http", "src/agent", "src/checks", "src/cli",
                     "src/slurm_face", "apps"]),
    "spdlog/": ("spdlog", ["src/engines", "src/http", "apps"]),
    "sqlite3.h": ("SQLite", ["src/journal"]),
    "SQLiteCpp/": ("SQLiteCpp", ["src/journal"]),
    "hwloc.h": ("hwloc", ["src/engines"]),
    "hwloc/": ("hwloc", ["src/engines"]),
    "openssl/": ("OpenSSL", ["src/http", "src/checks", "src/engines"]),
    "curl/": ("libcurl", ["src/engines"]),
}
# For tests and benchmarks alone.
TEST_LIBRARIES = {
    "gtest/": "GoogleTest", "gmock/": "GoogleTest", "rapidcheck": "rapidcheck",
    "benchmark/": "Google Benchmark", "slurm/": "libslurm",
}
# Folders of the operating system's headers.
SYSTEM_PREFIXES = ("sys/", "net/", "netinet/", "arpa/", "linux/", "bits/")
