// Calls every operation by AWS's SDK for Go, version 2, and prints the name of each that succeeds.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/glacier"
	"github.com/aws/aws-sdk-go-v2/service/glacier/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

const (
	vault    = "from-go-v2"
	locked   = "locked-by-go-v2"
	topic    = "arn:aws:sns:us-east-1:123456789012:done"
	mebibyte = 1 << 20
)

var ctx = context.Background()

func called(name string, err error) {
	if err != nil {
		log.Fatalf("%s: %v", name, err)
	}
	fmt.Println(name)
}

func check(what string, holds bool) {
	if !holds {
		log.Fatalf("not so: %s", what)
	}
}

func policy(effect, action, vault string) *string {
	return aws.String(fmt.Sprintf(
		`{"Version":"2012-10-17","Statement":[{"Sid":"s","Effect":"%s","Principal":{"AWS":"*"},"Action":"%s",`+
			`"Resource":"arn:aws:glacier:us-east-1:123456789012:vaults/%s"}]}`, effect, action, vault))
}

func main() {
	endpoint := os.Getenv("MORAINE_URL")
	loaded, err := config.LoadDefaultConfig(ctx, config.WithRegion(os.Getenv("AWS_DEFAULT_REGION")), config.WithRetryMaxAttempts(1))
	check("the configuration", err == nil)
	g := glacier.NewFromConfig(loaded, func(o *glacier.Options) { o.EndpointResolver = glacier.EndpointResolverFromURL(endpoint) })

	vaults(g)
	settings(g)
	lock(g)
	single, multi := archives(g)
	jobs(g, loaded, endpoint, single)
	cleanUp(g, single, multi)

	s := sts.NewFromConfig(loaded, func(o *sts.Options) { o.EndpointResolver = sts.EndpointResolverFromURL(endpoint) })
	identity, err := s.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	called("sts:GetCallerIdentity", err)
	check("the caller's account", *identity.Account == "123456789012")
}

func vaults(g *glacier.Client) {
	made, err := g.CreateVault(ctx, &glacier.CreateVaultInput{VaultName: aws.String(vault)})
	called("CreateVault", err)
	check("the location has the account", *made.Location == "/123456789012/vaults/"+vault)
	waiter := glacier.NewVaultExistsWaiter(g)
	check("the vault exists", waiter.Wait(ctx, &glacier.DescribeVaultInput{VaultName: aws.String(vault)}, time.Minute) == nil)
	described, err := g.DescribeVault(ctx, &glacier.DescribeVaultInput{VaultName: aws.String(vault)})
	called("DescribeVault", err)
	check("a new vault is empty", described.NumberOfArchives == 0)
	_, err = g.DescribeVault(ctx, &glacier.DescribeVaultInput{VaultName: aws.String("nowhere")})
	var notFound *types.ResourceNotFoundException
	check("the class of a missing vault", errors.As(err, &notFound))
	pages := 0
	for list := glacier.NewListVaultsPaginator(g, &glacier.ListVaultsInput{Limit: aws.Int32(1)}); list.HasMorePages(); pages++ {
		_, err = list.NextPage(ctx)
		called("ListVaults", err)
	}
	check("one page", pages == 1)
}

func settings(g *glacier.Client) {
	name := aws.String(vault)
	_, err := g.AddTagsToVault(ctx, &glacier.AddTagsToVaultInput{VaultName: name, Tags: map[string]string{"a": "1", "b": "2"}})
	called("AddTagsToVault", err)
	_, err = g.RemoveTagsFromVault(ctx, &glacier.RemoveTagsFromVaultInput{VaultName: name, TagKeys: []string{"b"}})
	called("RemoveTagsFromVault", err)
	tags, err := g.ListTagsForVault(ctx, &glacier.ListTagsForVaultInput{VaultName: name})
	called("ListTagsForVault", err)
	check("the tag that is left", len(tags.Tags) == 1 && tags.Tags["a"] == "1")

	events := []string{"ArchiveRetrievalCompleted"}
	_, err = g.SetVaultNotifications(ctx, &glacier.SetVaultNotificationsInput{
		VaultName: name, VaultNotificationConfig: &types.VaultNotificationConfig{SNSTopic: aws.String(topic), Events: events}})
	called("SetVaultNotifications", err)
	notifications, err := g.GetVaultNotifications(ctx, &glacier.GetVaultNotificationsInput{VaultName: name})
	called("GetVaultNotifications", err)
	check("the topic", *notifications.VaultNotificationConfig.SNSTopic == topic)
	_, err = g.DeleteVaultNotifications(ctx, &glacier.DeleteVaultNotificationsInput{VaultName: name})
	called("DeleteVaultNotifications", err)

	document := policy("Allow", "glacier:ListJobs", vault)
	_, err = g.SetVaultAccessPolicy(ctx, &glacier.SetVaultAccessPolicyInput{VaultName: name, Policy: &types.VaultAccessPolicy{Policy: document}})
	called("SetVaultAccessPolicy", err)
	access, err := g.GetVaultAccessPolicy(ctx, &glacier.GetVaultAccessPolicyInput{VaultName: name})
	called("GetVaultAccessPolicy", err)
	check("the policy", *access.Policy.Policy == *document)
	_, err = g.DeleteVaultAccessPolicy(ctx, &glacier.DeleteVaultAccessPolicyInput{VaultName: name})
	called("DeleteVaultAccessPolicy", err)

	rules := []types.DataRetrievalRule{{Strategy: aws.String("BytesPerHour"), BytesPerHour: aws.Int64(10737418240)}}
	_, err = g.SetDataRetrievalPolicy(ctx, &glacier.SetDataRetrievalPolicyInput{Policy: &types.DataRetrievalPolicy{Rules: rules}})
	called("SetDataRetrievalPolicy", err)
	retrieval, err := g.GetDataRetrievalPolicy(ctx, &glacier.GetDataRetrievalPolicyInput{})
	called("GetDataRetrievalPolicy", err)
	check("the rule", *retrieval.Policy.Rules[0].BytesPerHour == 10737418240)

	_, err = g.PurchaseProvisionedCapacity(ctx, &glacier.PurchaseProvisionedCapacityInput{})
	called("PurchaseProvisionedCapacity", err)
	capacity, err := g.ListProvisionedCapacity(ctx, &glacier.ListProvisionedCapacityInput{})
	called("ListProvisionedCapacity", err)
	check("one unit", len(capacity.ProvisionedCapacityList) == 1)
}

func lock(g *glacier.Client) {
	name := aws.String(locked)
	_, err := g.CreateVault(ctx, &glacier.CreateVaultInput{VaultName: name})
	called("CreateVault", err)
	input := &glacier.InitiateVaultLockInput{
		VaultName: name, Policy: &types.VaultLockPolicy{Policy: policy("Deny", "glacier:DeleteArchive", locked)}}
	_, err = g.InitiateVaultLock(ctx, input)
	called("InitiateVaultLock", err)
	_, err = g.AbortVaultLock(ctx, &glacier.AbortVaultLockInput{VaultName: name})
	called("AbortVaultLock", err)
	initiated, err := g.InitiateVaultLock(ctx, input)
	called("InitiateVaultLock", err)
	_, err = g.CompleteVaultLock(ctx, &glacier.CompleteVaultLockInput{VaultName: name, LockId: initiated.LockId})
	called("CompleteVaultLock", err)
	state, err := g.GetVaultLock(ctx, &glacier.GetVaultLockInput{VaultName: name})
	called("GetVaultLock", err)
	check("the lock is complete", *state.State == "Locked")
	_, err = g.DeleteVault(ctx, &glacier.DeleteVaultInput{VaultName: name})
	called("DeleteVault", err)
}

// content has no two equal parts.
func content(size int) []byte {
	all := make([]byte, size)
	for i := range all {
		all[i] = byte(i * i >> 7)
	}
	return all
}

var whole = content(3*mebibyte/2 + 7)

func archives(g *glacier.Client) (single, multi *string) {
	name := aws.String(vault)
	uploaded, err := g.UploadArchive(ctx, &glacier.UploadArchiveInput{
		VaultName: name, ArchiveDescription: aws.String("by  Go"), Body: bytes.NewReader(whole)})
	called("UploadArchive", err)
	treeHash := hex.EncodeToString(treeHashOf(whole))
	check("the tree hash", *uploaded.Checksum == treeHash)

	initiated, err := g.InitiateMultipartUpload(ctx, &glacier.InitiateMultipartUploadInput{VaultName: name, PartSize: aws.String("1048576")})
	called("InitiateMultipartUpload", err)
	for start := 0; start < len(whole); start += mebibyte {
		end := start + mebibyte
		if end > len(whole) {
			end = len(whole)
		}
		_, err = g.UploadMultipartPart(ctx, &glacier.UploadMultipartPartInput{
			VaultName: name, UploadId: initiated.UploadId, Body: bytes.NewReader(whole[start:end]),
			Range: aws.String(fmt.Sprintf("bytes %d-%d/*", start, end-1))})
		called("UploadMultipartPart", err)
	}
	parts := 0
	list := glacier.NewListPartsPaginator(g, &glacier.ListPartsInput{VaultName: name, UploadId: initiated.UploadId, Limit: aws.Int32(1)})
	for list.HasMorePages() {
		page, err := list.NextPage(ctx)
		called("ListParts", err)
		parts += len(page.Parts)
	}
	check("two parts", parts == 2)
	open, err := g.ListMultipartUploads(ctx, &glacier.ListMultipartUploadsInput{VaultName: name})
	called("ListMultipartUploads", err)
	check("one upload", len(open.UploadsList) == 1)
	completed, err := g.CompleteMultipartUpload(ctx, &glacier.CompleteMultipartUploadInput{
		VaultName: name, UploadId: initiated.UploadId, ArchiveSize: aws.String(fmt.Sprint(len(whole))), Checksum: aws.String(treeHash)})
	called("CompleteMultipartUpload", err)
	dropped, err := g.InitiateMultipartUpload(ctx, &glacier.InitiateMultipartUploadInput{VaultName: name, PartSize: aws.String("1048576")})
	called("InitiateMultipartUpload", err)
	_, err = g.AbortMultipartUpload(ctx, &glacier.AbortMultipartUploadInput{VaultName: name, UploadId: dropped.UploadId})
	called("AbortMultipartUpload", err)
	return uploaded.ArchiveId, completed.ArchiveId
}

// treeHashOf is written out: version 2 does not export its own.
func treeHashOf(bytes []byte) []byte {
	if len(bytes) <= mebibyte {
		leaf := sha256.Sum256(bytes)
		return leaf[:]
	}
	left := mebibyte
	for left*2 < len(bytes) {
		left *= 2
	}
	node := sha256.Sum256(append(treeHashOf(bytes[:left]), treeHashOf(bytes[left:])...))
	return node[:]
}

func finished(g *glacier.Client, parameters *types.JobParameters) *string {
	name := aws.String(vault)
	initiated, err := g.InitiateJob(ctx, &glacier.InitiateJobInput{VaultName: name, JobParameters: parameters})
	called("InitiateJob", err)
	for attempt := 0; attempt < 300; attempt++ {
		job, err := g.DescribeJob(ctx, &glacier.DescribeJobInput{VaultName: name, JobId: initiated.JobId})
		called("DescribeJob", err)
		if job.Completed {
			check("the job succeeded", job.StatusCode == types.StatusCodeSucceeded)
			return initiated.JobId
		}
		time.Sleep(100 * time.Millisecond)
	}
	log.Fatal("the job does not end")
	return nil
}

func jobs(g *glacier.Client, loaded aws.Config, endpoint string, archive *string) {
	name := aws.String(vault)
	job := finished(g, &types.JobParameters{Type: aws.String("archive-retrieval"), ArchiveId: archive, Tier: aws.String("Expedited")})
	output, err := g.GetJobOutput(ctx, &glacier.GetJobOutputInput{VaultName: name, JobId: job})
	called("GetJobOutput", err)
	body, err := io.ReadAll(output.Body)
	check("the bytes of the archive", err == nil && bytes.Equal(body, whole))
	check("the description", *output.ArchiveDescription == "by  Go")
	part, err := g.GetJobOutput(ctx, &glacier.GetJobOutputInput{VaultName: name, JobId: job, Range: aws.String("bytes=0-1048575")})
	called("GetJobOutput", err)
	body, err = io.ReadAll(part.Body)
	check("the bytes of a range", err == nil && part.Status == 206 && bytes.Equal(body, whole[:mebibyte]))
	check("the tree hash of a range", part.Checksum != nil)
	list, err := g.ListJobs(ctx, &glacier.ListJobsInput{VaultName: name, Completed: aws.String("true")})
	called("ListJobs", err)
	check("one job", len(list.JobList) == 1)

	inventory, err := g.GetJobOutput(ctx, &glacier.GetJobOutputInput{
		VaultName: name, JobId: finished(g, &types.JobParameters{Type: aws.String("inventory-retrieval")})})
	called("GetJobOutput", err)
	var document struct{ ArchiveList []struct{ ArchiveId string } }
	check("the inventory", json.NewDecoder(inventory.Body).Decode(&document) == nil && len(document.ArchiveList) == 2)

	// The SDK makes no URL for this service by itself; its signer does.
	request, err := http.NewRequest("GET", fmt.Sprintf("%s/-/vaults/%s/jobs/%s/output?X-Amz-Expires=60", endpoint, vault, *job), nil)
	check("a request", err == nil)
	credentials, err := loaded.Credentials.Retrieve(ctx)
	check("credentials", err == nil)
	empty := sha256.Sum256(nil)
	url, _, err := v4.NewSigner().PresignHTTP(ctx, credentials, request, hex.EncodeToString(empty[:]), "glacier", loaded.Region, time.Now())
	called("presign", err)
	answer, err := http.Get(url)
	check("an answer", err == nil)
	body, err = io.ReadAll(answer.Body)
	check("the bytes by a presigned URL", err == nil && answer.StatusCode == 200 && bytes.Equal(body, whole))
}

func cleanUp(g *glacier.Client, archives ...*string) {
	for _, archive := range archives {
		_, err := g.DeleteArchive(ctx, &glacier.DeleteArchiveInput{VaultName: aws.String(vault), ArchiveId: archive})
		called("DeleteArchive", err)
	}
	_, err := g.DeleteVault(ctx, &glacier.DeleteVaultInput{VaultName: aws.String(vault)})
	called("DeleteVault", err)
}
