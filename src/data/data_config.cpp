#include "ropewalk/data/data_config.h"

namespace ropewalk {

void DataConfig::check(Diagnostics& d) const {
  if (!weights.empty() && weights.size() != train.size()) {
    d.error("weights",
            "found " + std::to_string(weights.size()) + " numbers, expected one for each of the " +
                std::to_string(train.size()) + " folders of data.train, or none");
  }
  if (long_document_tokens.has_value() != long_document_share.has_value()) {
    d.error(long_document_tokens ? "long_document_share" : "long_document_tokens",
            std::string("is not given; ") +
                (long_document_tokens ? "long_document_tokens" : "long_document_share") +
                " has no meaning without it. Give both or neither");
  }
  if (long_document_tokens && *long_document_tokens <= min_document_tokens) {
    d.error("long_document_tokens",
            "found " + std::to_string(*long_document_tokens) +
                ", expected more than min_document_tokens (" + std::to_string(min_document_tokens) +
                "): every document would be a long one");
  }
}

}  // namespace ropewalk
