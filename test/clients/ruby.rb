# Calls each operation that AWS's SDK for Ruby has in its version 1, and prints the name of each that succeeds. Version 3 signs a
# URL, and asks STS for the account.

require "aws-sdk"
require "aws-sdk-core"
require "aws-sigv4"
require "digest"
require "json"
require "net/http"
require "stringio"

VAULT = "from-ruby"
MEBIBYTE = 1 << 20
WHOLE = Random.new(1).bytes(3 * MEBIBYTE / 2 + 7)
ENDPOINT = URI(ENV.fetch("MORAINE_URL"))
KEY = { access_key_id: ENV.fetch("AWS_ACCESS_KEY_ID"), secret_access_key: ENV.fetch("AWS_SECRET_ACCESS_KEY") }.freeze
REGION = ENV.fetch("AWS_DEFAULT_REGION")

AWS.config(
  **KEY, region: REGION, use_ssl: false, max_retries: 0, glacier_endpoint: ENDPOINT.host, glacier_port: ENDPOINT.port
)
CLIENT = AWS::Glacier::Client.new

def call(name, options = {})
  answer = CLIENT.public_send(name, { account_id: "-", vault_name: VAULT }.merge(options))
  puts name.to_s.split("_").map(&:capitalize).join
  answer
end

def check(what, holds)
  abort "not so: #{what}" unless holds
end

def tree_hash(bytes)
  hashes = bytes.unpack("a#{MEBIBYTE}" * (bytes.bytesize.to_f / MEBIBYTE).ceil).map { |leaf| Digest::SHA256.digest(leaf) }
  hashes = hashes.each_slice(2).map { |pair| pair.one? ? pair[0] : Digest::SHA256.digest(pair.join) } until hashes.one?
  hashes[0].unpack1("H*")
end

def finished(parameters)
  job = call(:initiate_job, job_parameters: parameters)[:job_id]
  300.times do
    described = call(:describe_job, job_id: job)
    if described[:completed]
      check("the job succeeded", described[:status_code] == "Succeeded")
      return job
    end
    sleep 0.1
  end
  abort "the job does not end"
end

def in_parts
  upload = call(:initiate_multipart_upload, part_size: MEBIBYTE, archive_description: "in parts")[:upload_id]
  (0...WHOLE.bytesize).step(MEBIBYTE) do |start|
    part = WHOLE.byteslice(start, MEBIBYTE)
    range = "bytes #{start}-#{start + part.bytesize - 1}/*"
    call(:upload_multipart_part, upload_id: upload, range: range, body: StringIO.new(part), checksum: tree_hash(part))
  end
  check("two parts", call(:list_parts, upload_id: upload)[:parts].size == 2)
  check("one upload", call(:list_multipart_uploads)[:uploads_list].size == 1)
  whole = { upload_id: upload, archive_size: WHOLE.bytesize, checksum: tree_hash(WHOLE) }
  archive = call(:complete_multipart_upload, whole)[:archive_id]
  call(:abort_multipart_upload, upload_id: call(:initiate_multipart_upload, part_size: MEBIBYTE)[:upload_id])
  archive
end

def presigned(job)
  signer = Aws::Sigv4::Signer.new(**KEY, service: "glacier", region: REGION)
  url = signer.presign_url(http_method: "GET", url: "#{ENDPOINT}/-/vaults/#{VAULT}/jobs/#{job}/output", expires_in: 60)
  puts "presign"
  Net::HTTP.get_response(url)
end

call(:create_vault)
check("a new vault is empty", call(:describe_vault)[:number_of_archives].zero?)
check("one vault", CLIENT.list_vaults(account_id: "-")[:vault_list].size == 1)
puts "ListVaults"
begin
  CLIENT.describe_vault(account_id: "-", vault_name: "nowhere")
  abort "a vault that does not exist was described"
rescue AWS::Glacier::Errors::ResourceNotFoundException => e
  check("the text of a missing vault", e.message.start_with?("Vault not found for ARN: "))
end

config = { sns_topic: "arn:aws:sns:us-east-1:123456789012:done", events: ["ArchiveRetrievalCompleted"] }
call(:set_vault_notifications, vault_notification_config: config)
check("the topic", call(:get_vault_notifications)[:sns_topic] == config[:sns_topic])
call(:delete_vault_notifications)

uploaded = call(:upload_archive, body: StringIO.new(WHOLE), checksum: tree_hash(WHOLE), archive_description: "by  Ruby")
check("the tree hash", uploaded[:checksum] == tree_hash(WHOLE))
archives = [uploaded[:archive_id], in_parts]

job = finished(type: "archive-retrieval", archive_id: archives[0])
check("the bytes of the archive", call(:get_job_output, job_id: job)[:body] == WHOLE)
range = call(:get_job_output, job_id: job, range: "bytes=0-1048575")
check("the bytes of a range", range[:body] == WHOLE.byteslice(0, MEBIBYTE))
check("one job", call(:list_jobs)[:job_list].size == 1)
answer = presigned(job)
check("the bytes by a presigned URL", answer.code == "200" && answer.body.b == WHOLE)
inventory = call(:get_job_output, job_id: finished(type: "inventory-retrieval"))[:body]
check("the inventory", JSON.parse(inventory)["ArchiveList"].size == 2)

archives.each { |archive| call(:delete_archive, archive_id: archive) }
call(:delete_vault)

identity = Aws::STS::Client.new(**KEY, region: REGION, endpoint: ENDPOINT.to_s).get_caller_identity
check("the caller's account", identity.account == "123456789012")
puts "sts:GetCallerIdentity"
