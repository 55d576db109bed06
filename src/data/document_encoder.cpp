#include "ropewalk/data/document_encoder.h"

namespace ropewalk {
namespace {

class TextEncoder : public DocumentEncoder {
 public:
  explicit TextEncoder(std::shared_ptr<const Tokenizer> tokenizer)
      : tokenizer_(std::move(tokenizer)) {}

  void encode(const Document& document, EncodedDocument& encoded) const override {
    encoded.ids.clear();
    encoded.trained.clear();
    tokenizer_->encode_append(document.text, encoded.ids);
  }

 private:
  std::shared_ptr<const Tokenizer> tokenizer_;
};

}  // namespace

std::unique_ptr<DocumentEncoder> make_text_encoder(std::shared_ptr<const Tokenizer> tokenizer) {
  return std::make_unique<TextEncoder>(std::move(tokenizer));
}

}  // namespace ropewalk
